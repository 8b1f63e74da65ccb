import type { Push } from '../fleet.ts'
import type { Generator } from '../load/load.ts'
import type { LoadResult, Pace } from '../load/messages.ts'
import type { Options } from '../options.ts'
import type { Subject, World } from '../subject.ts'

/** What every figure is measured with. */
export interface Bench {
  readonly options: Options
  readonly world: World
  readonly generator: Generator
  readonly say: (progress: string) => void
}

/** Pushes all of these; the edge's are confirmed as the reconciler does. @throws when one is not taken */
export async function pushAll(
  { generator, world }: Bench,
  subject: Subject,
  pushes: readonly Push[],
  pace: Pace,
  confirm: boolean,
): Promise<LoadResult> {
  const result = await generator.run({
    port: subject.port,
    requests: pushes.map(({ request }) => request),
    pace,
    ...(confirm && {
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

/** Takes the pushes one slice after the other. */
export function slices<T>(items: readonly T[]): (count: number) => readonly T[] {
  let at = 0
  return (count) => {
    at += count
    return items.slice(at - count, at)
  }
}
