import type { DeviceId } from '../../protocol/ids.ts'
import { atOnce, OBJECTS_AT_ONCE } from '../at-once.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'
import type { IndexMessage } from '../store/index-message.ts'
import { writeRows } from '../store/write-rows.ts'

/** What a device's part of a call came to. `retry`: the reconciler says all of it again. */
type Confirmed = 'confirmed' | 'unknown_device' | 'malformed' | 'retry'

interface Answer {
  readonly deviceId: DeviceId
  readonly said: Confirmed
  readonly rows: readonly IndexMessage[]
}

/**
 * Carries what the reconciler says through to where it is seen: to each device's object, and then, of all devices in one
 * batch, to the read model. `confirmed` means that the object holds it, and that the read model does or is owed it. Whatever
 * fails on the way is said again, which changes nothing where it was heard before; one device that is not reached holds up
 * no other.
 */
export async function confirmAll(
  env: Pick<Env, 'DB' | 'DEVICE'>,
  byDevice: ReadonlyMap<DeviceId, Uint8Array>,
  requestId: string,
): Promise<ReadonlyMap<DeviceId, Confirmed>> {
  const answers = await atOnce([...byDevice], OBJECTS_AT_ONCE, ([deviceId, own]) =>
    confirm(env, deviceId, own, requestId),
  )
  const said = new Map(answers.map((answer) => [answer.deviceId, answer.said]))
  const parts = answers.flatMap(({ deviceId, rows }) => rows.map((row) => ({ deviceId, row })))
  const unwritten = await writeRows(env.DB, parts, ({ row }) => row)
  for (const { parts: missing, isRefused, error } of unwritten) {
    const bundleIds = missing.map(({ row }) => row.bundle?.bundleId)
    if (isRefused) logger.error('read model does not take a bundle', { bundleIds, requestId, error })
    else logger.warn('read model not written; the objects owe it again', { bundles: missing.length, error })
  }
  const owing = Map.groupBy(
    unwritten.flatMap(({ parts: missing }) => missing),
    ({ deviceId }) => deviceId,
  )
  await atOnce([...owing], OBJECTS_AT_ONCE, async ([deviceId, missing]) => {
    const seqs = missing.flatMap(({ row }) => row.bundle?.seq ?? [])
    if (!(await isOwedAgain(env, deviceId, seqs))) said.set(deviceId, 'retry')
  })
  return said
}

/** The read model must not hold up what devices are told: its debt goes back to the object, and by the queue to D1. */
async function isOwedAgain(env: Pick<Env, 'DEVICE'>, deviceId: DeviceId, seqs: readonly number[]): Promise<boolean> {
  try {
    await deviceStub(env, deviceId).notShown(seqs)
    return true
  } catch (error) {
    logger.error('an object does not know that its rows are missing', { deviceId, seqs, error })
    return false
  }
}

async function confirm(
  env: Pick<Env, 'DEVICE'>,
  deviceId: DeviceId,
  own: Uint8Array,
  requestId: string,
): Promise<Answer> {
  try {
    const confirmed = await deviceStub(env, deviceId).confirm(own, requestId)
    if (confirmed.ok) return { deviceId, said: 'confirmed', rows: confirmed.value as readonly IndexMessage[] }
    return { deviceId, said: confirmed.error === 'not_found' ? 'unknown_device' : confirmed.error, rows: [] }
  } catch (error) {
    logger.error('confirmation failed', { deviceId, requestId, error })
    return { deviceId, said: 'retry', rows: [] }
  }
}
