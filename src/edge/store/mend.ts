import type { KnownDevice } from '../../../durable-objects/country/devices.ts'
import { atOnce, OBJECTS_AT_ONCE } from '../at-once.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'
import { alarm } from '../metrics/alarm.ts'
import type { BundleRow } from './index-message.ts'
import { rebuildDevice } from './rebuild.ts'
import { devicesShownOtherwise } from './rebuild-part.ts'

/**
 * Makes the read model again where it says something else than what people were just shown. It is told of what changes within
 * seconds; what it lacks after that, and is owed by nobody, somebody else took away.
 *
 *   rows as the Country Objects have them → compared with D1 → the object says that it owes nothing → made again, and an alarm
 */
const TOLD_WITHIN_MS = 10_000
/** Devices of one comparison; the next list goes on. */
const DEVICES_MAX = 20
/** Of this isolate: several lists may see the same. */
const underWay = new Set<string>()

type Mended = Pick<Env, 'DB' | 'DEVICE' | 'COUNTRY'>

/** Never throws: what people see does not depend on it. */
export async function mendReadModel(
  env: Mended,
  shown: { readonly bundles?: readonly BundleRow[]; readonly devices?: readonly KnownDevice[] },
  nowMs: number,
): Promise<void> {
  const beforeMs = nowMs - TOLD_WITHIN_MS
  const bundles = (shown.bundles ?? []).filter(({ updatedAt }) => updatedAt < beforeMs)
  const devices = (shown.devices ?? []).flatMap(({ device, listedAtMs }) => (listedAtMs < beforeMs ? [device] : []))
  if (bundles.length + devices.length === 0) return
  try {
    const found = await devicesShownOtherwise(env.DB, { bundles, devices })
    const ids = found.filter((deviceId) => !underWay.has(deviceId)).slice(0, DEVICES_MAX)
    await atOnce(ids, OBJECTS_AT_ONCE, (deviceId) => mend(env, deviceId, nowMs))
  } catch (error) {
    logger.warn('the read model is not compared with what was shown', { error })
  }
}

async function mend(env: Mended, deviceId: string, nowMs: number): Promise<void> {
  underWay.add(deviceId)
  try {
    const owed = await deviceStub(env, deviceId).wake()
    // On its way: the object sends it until it is there.
    if (!owed.ok || owed.value.index > 0) return
    const run = { deviceId, run: `mend-${crypto.randomUUID()}`, by: 'system' }
    let piece = await rebuildDevice(
      env,
      { ...run, from: { seq: 0, auditId: 0 }, before: { removed: 0, written: 0 } },
      nowMs,
    )
    while (piece.next !== null) piece = await rebuildDevice(env, { ...run, from: piece.next, before: piece }, nowMs)
    const { removed, written } = piece
    if (removed + written === 0) return
    alarm('hidden', 'the read model did not show what an object says; it was made again', {
      deviceId,
      removed,
      written,
    })
  } catch (error) {
    logger.warn('the read model is not made again for a device; the next list tries it', { deviceId, error })
  } finally {
    underWay.delete(deviceId)
  }
}
