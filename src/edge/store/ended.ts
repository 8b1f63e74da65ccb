import { DAY_MS } from '../../protocol/time.ts'
import { atOnce, OBJECTS_AT_ONCE } from '../at-once.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'
import type { ShownFrom, ShownPart } from './index-message.ts'
import { mendReadModel } from './mend.ts'
import { SHOWN_MIN_MS } from './retention.ts'

/**
 * What has ended stands in D1 alone, as far as lists go: settled bundles and the audit beside them. Whoever could delete or change it there
 * would hide it. So whoever reads about one device has D1 compared with what the device's object says first, and made again where it
 * differs; and each sweep compares a part of each device that it wakes, which it chooses anew each time, so that nobody can know
 * what is not looked at. Nothing is written for it, and no push pays for it.
 */
type Compared = Pick<Env, 'DB' | 'DEVICE' | 'COUNTRY'>

/** As long as all of it must stand in D1 (retention.ts), with a day to spare. */
export const COMPARED_MS = SHOWN_MIN_MS - DAY_MS
/** Parts of one comparison before a person's answer: 5 000 bundles, a second or two. The sweep looks at the others. */
const PARTS_MAX = 50

/** Never throws. @returns whether D1 shows all that the device's object says of the last weeks, now */
export async function showsAllOf(env: Compared, deviceId: string, nowMs: number): Promise<boolean> {
  try {
    const places = await deviceStub(env, deviceId).shownPlaces(nowMs - COMPARED_MS)
    // Of a device that there is not, nothing can be hidden.
    if (!places.ok) return true
    let from: ShownFrom | null = places.value.from
    let isAll = true
    for (let parts = 0; from !== null; parts++) {
      if (parts === PARTS_MAX) return false
      const part = await comparePart(env, deviceId, from, nowMs)
      isAll &&= part.isShown
      from = part.next
    }
    return isAll
  } catch (error) {
    logger.warn('a device’s object does not say what has ended', { deviceId, error })
    return false
  }
}

/** A part of each of these devices, and the newest one. @param random 0 … 1, for each device another. Never throws */
export async function compareSome(
  env: Compared,
  deviceIds: readonly string[],
  random: () => number,
  nowMs: number,
): Promise<void> {
  await atOnce(deviceIds, OBJECTS_AT_ONCE, async (deviceId) => {
    try {
      const places = await deviceStub(env, deviceId).shownPlaces(nowMs - COMPARED_MS)
      if (!places.ok) return
      const { from, newest } = places.value
      const within = (low: number, high: number) => low + Math.floor(random() * Math.max(0, high - low + 1))
      const some = { seq: within(from.seq, newest.seq), auditId: within(from.auditId, newest.auditId) }
      const { next } = await comparePart(env, deviceId, newest, nowMs)
      // The newest part was all that there is after its beginning.
      if (next !== null || some.seq < newest.seq || some.auditId < newest.auditId)
        await comparePart(env, deviceId, some, nowMs)
    } catch (error) {
      logger.warn('a device’s object does not say what has ended', { deviceId, error })
    }
  })
}

async function comparePart(env: Compared, deviceId: string, from: ShownFrom, nowMs: number) {
  const part = await deviceStub(env, deviceId).shownRows(from)
  if (!part.ok) return { isShown: true, next: null }
  const { bundles, audit, next } = part.value as ShownPart
  const sinceMs = nowMs - COMPARED_MS
  const young = {
    bundles: bundles.filter(({ updatedAt }) => updatedAt >= sinceMs),
    audit: audit.filter(({ at }) => at >= sinceMs),
  }
  return { isShown: await mendReadModel(env, young, nowMs), next }
}
