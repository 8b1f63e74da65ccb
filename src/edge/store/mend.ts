import type { KnownDevice } from '../../../durable-objects/country/devices.ts'
import { atOnce, OBJECTS_AT_ONCE } from '../at-once.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'
import { alarm } from '../metrics/alarm.ts'
import type { AuditRow, BundleRow } from './index-message.ts'
import { rebuildDevice } from './rebuild.ts'
import { type Shown, shownOtherwise } from './rebuild-part.ts'

/**
 * Makes the read model again where it says something else than what people were just shown. It is told of what changes within
 * seconds; what it lacks after that, and is owed by nobody, somebody else took away.
 *
 *   rows as the Country Objects have them → compared with D1 → the object says that it owes nothing → compared again → made again
 *     → compared again, and an alarm
 *
 * All of them may change meanwhile. A row was hidden when D1 lacked it after its object had told of everything, and has it once it is
 * made again: then the object still says it, and said it all the time. Any other difference is a row that moved on.
 */
const TOLD_WITHIN_MS = 10_000
/** Devices of one comparison; the next list goes on. */
const DEVICES_MAX = 20
/** Of this isolate: several lists may see the same. */
const underWay = new Set<string>()

type Mended = Pick<Env, 'DB' | 'DEVICE' | 'COUNTRY'>

/** Never throws. @returns whether D1 shows all of it now, as far as that is known */
export async function mendReadModel(
  env: Mended,
  shown: {
    readonly bundles?: readonly BundleRow[]
    readonly devices?: readonly KnownDevice[]
    readonly audit?: readonly AuditRow[]
  },
  nowMs: number,
): Promise<boolean> {
  const beforeMs = nowMs - TOLD_WITHIN_MS
  const bundles = (shown.bundles ?? []).filter(({ updatedAt }) => updatedAt < beforeMs)
  const devices = (shown.devices ?? []).flatMap(({ device, listedAtMs }) => (listedAtMs < beforeMs ? [device] : []))
  const audit = (shown.audit ?? []).filter(({ at }) => at < beforeMs)
  if (bundles.length + devices.length + audit.length === 0) return true
  try {
    const otherwise = await shownOtherwise(env.DB, { bundles, devices, audit })
    const found = new Set(allOf(otherwise).flatMap(({ deviceId }) => deviceId ?? []))
    const ids = [...found].filter((deviceId) => !underWay.has(deviceId)).slice(0, DEVICES_MAX)
    const mended = await atOnce(ids, OBJECTS_AT_ONCE, (deviceId) => {
      const isOwn = (row: { readonly deviceId: string | null }) => row.deviceId === deviceId
      const own = { bundles: bundles.filter(isOwn), devices: devices.filter(isOwn), audit: audit.filter(isOwn) }
      return mend(env, deviceId, own, nowMs)
    })
    return ids.length === found.size && mended.every(Boolean)
  } catch (error) {
    logger.warn('the read model is not compared with what was shown', { error })
    return false
  }
}

const allOf = ({ bundles, devices, audit }: Shown) => [...bundles, ...devices, ...audit]

async function mend(env: Mended, deviceId: string, shown: Shown, nowMs: number): Promise<boolean> {
  underWay.add(deviceId)
  try {
    const owed = await deviceStub(env, deviceId).wake()
    // On its way: the object sends it until it is there.
    if (!owed.ok || owed.value.index > 0) return false
    const lacking = await shownOtherwise(env.DB, shown)
    if (allOf(lacking).length === 0) return true
    const run = { deviceId, run: `mend-${crypto.randomUUID()}`, by: 'system' }
    let piece = await rebuildDevice(
      env,
      { ...run, from: { seq: 0, auditId: 0 }, before: { removed: 0, written: 0 } },
      nowMs,
    )
    while (piece.next !== null) piece = await rebuildDevice(env, { ...run, from: piece.next, before: piece }, nowMs)
    const { removed, written } = piece
    const left = allOf(await shownOtherwise(env.DB, lacking)).length
    if (left === allOf(lacking).length) return true
    alarm('hidden', 'the read model did not show what an object says; it was made again', {
      deviceId,
      removed,
      written,
    })
    return true
  } catch (error) {
    logger.warn('the read model is not made again for a device; the next list tries it', { deviceId, error })
    return false
  } finally {
    underWay.delete(deviceId)
  }
}
