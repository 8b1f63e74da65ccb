import type { Edges } from '../edges.ts'
import type { Push } from '../fleet.ts'
import { Confirmer } from '../load/confirmer.ts'
import { HttpClient } from '../load/http-client.ts'
import type { Generator } from '../load/load.ts'
import type { LoadResult, Pace } from '../load/messages.ts'
import type { Options } from '../options.ts'
import type { Subject } from '../subjects/subject.ts'
import type { World } from '../world.ts'

/** What every figure is measured with. */
export interface Bench {
  readonly options: Options
  readonly world: World
  readonly edges: Edges
  readonly generator: Generator
  readonly say: (progress: string) => void
}

interface How {
  readonly pace: Pace
  /** Whether a subject that is told of outcomes is told of these. Default true. */
  readonly tell?: boolean
  readonly keepAnswers?: boolean
}

/** Pushes all of these. @throws when one is not taken */
export async function pushAll(
  { generator, world }: Bench,
  subject: Subject,
  pushes: readonly Push[],
  { pace, tell = true, keepAnswers = false }: How,
): Promise<LoadResult> {
  const result = await generator.run({
    port: subject.port,
    requests: pushes.map(({ request }) => request),
    pace,
    keepAnswers,
    ...(subject.isTold &&
      tell && {
        confirm: {
          confirmations: pushes.map(({ confirmations }) => confirmations),
          hmacSecret: world.secrets.INTERNAL_HMAC_KEY,
        },
      }),
  })
  if (result.statuses['200'] !== pushes.length || result.unconfirmed > 0) {
    const { statuses, unconfirmed } = result
    throw new Error(`${subject.name} did not take all: ${JSON.stringify({ statuses, unconfirmed })}`)
  }
  return result
}

/** Tells of pushes that were made without it: what is never confirmed is sent again and again. */
export async function tellLater({ world }: Bench, { port }: Subject, pushes: readonly Push[]): Promise<void> {
  const client = new HttpClient(port)
  const confirmer = new Confirmer(client, world.secrets.INTERNAL_HMAC_KEY)
  for (const { confirmations } of pushes) confirmer.add(confirmations, performance.now())
  await confirmer.drained()
  client.close()
}

/** Takes the items one slice after the other. */
export function slices<T>(items: readonly T[]): (count: number) => readonly T[] {
  let at = 0
  return (count) => {
    at += count
    return items.slice(at - count, at)
  }
}
