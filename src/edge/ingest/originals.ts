import { ORIGINALS_MAX, type Original } from '../../../durable-objects/device/original.ts'
import { parseUlid, ulidText } from '../../protocol/ids.ts'
import { atOnce, OBJECTS_AT_ONCE } from '../at-once.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'

/** Whose original is wanted, by a row of the read model. */
export interface Named {
  readonly deviceId: string
  /** ULID text. */
  readonly bundleId: string
}

/** `missing`: no object has such a bundle. `unavailable`: its object does not answer now. */
export type FoundOriginal = Original | 'missing' | 'unavailable'

/**
 * Signed bundles and receipts, which the Device Objects alone keep. An object that is unavailable keeps nobody from seeing
 * those of the others.
 */
export async function findOriginals(
  env: Pick<Env, 'DEVICE'>,
  named: readonly Named[],
): Promise<(one: Named) => FoundOriginal> {
  const found = new Map<string, FoundOriginal>()
  const calls = [...Map.groupBy(named, ({ deviceId }) => deviceId)].flatMap(([deviceId, own]) =>
    pagesOf([...new Set(own.map(({ bundleId }) => bundleId))]).map((bundleIds) => ({ deviceId, bundleIds })),
  )
  await atOnce(calls, OBJECTS_AT_ONCE, async ({ deviceId, bundleIds }) => {
    const originals = await ask(env, deviceId, bundleIds)
    if (originals === undefined)
      for (const bundleId of bundleIds) found.set(nameOf({ deviceId, bundleId }), 'unavailable')
    else for (const one of originals) found.set(nameOf({ deviceId, bundleId: ulidText(one.bundleId) }), one)
  })
  return (one) => found.get(nameOf(one)) ?? 'missing'
}

/** @returns undefined when the object did not answer */
async function ask(
  env: Pick<Env, 'DEVICE'>,
  deviceId: string,
  bundleIds: readonly string[],
): Promise<readonly Original[] | undefined> {
  const ids = bundleIds.flatMap((bundleId) => parseUlid(bundleId) ?? [])
  for (let attempt = 1; ; attempt++) {
    try {
      // A stub of its own each time: one whose object was reset stays broken.
      const answer = await deviceStub(env, deviceId).originals(ids)
      return answer.ok ? (answer.value as readonly Original[]) : []
    } catch (error) {
      if (attempt < ATTEMPTS) continue
      logger.warn('signed bundles cannot be read now', { deviceId, bundles: ids.length, error })
      return undefined
    }
  }
}
/** An object that is started anew, by a deploy or by its platform, answers the second call. */
const ATTEMPTS = 2

const nameOf = ({ deviceId, bundleId }: Named) => `${deviceId} ${bundleId}`

function pagesOf(bundleIds: readonly string[]): string[][] {
  const pages: string[][] = []
  for (let at = 0; at < bundleIds.length; at += ORIGINALS_MAX) pages.push(bundleIds.slice(at, at + ORIGINALS_MAX))
  return pages
}
