import { atOnce, OBJECTS_AT_ONCE } from '../at-once.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'
import { countBundles } from '../metrics/count-bundles.ts'
import type { IndexMessage } from './index-message.ts'
import { auditInserts, bundleUpserts, deviceUpserts } from './projections.ts'

/**
 * The index queue's consumer: writes up to 100 messages to D1 in one batch, which is one transaction, and then tells each
 * Device Object what D1 holds of it. Rows carry a rev and only a newer one replaces, so repeats and any order are fine.
 * When D1 fails, the Queue brings the batch again. What an object was not told it owes, and sends anew.
 */
export async function consumeIndex(batch: MessageBatch<IndexMessage>, env: Pick<Env, 'DB' | 'DEVICE'>): Promise<void> {
  const messages = batch.messages.map(({ body }) => body)
  const bundles = messages.flatMap(({ bundle }) => bundle ?? [])
  const devices = messages.flatMap(({ device }) => device ?? [])
  const audit = messages.flatMap(({ audit }) => audit ?? [])
  const statements = [
    // Before the rows: it counts what they change.
    ...countBundles(env.DB, bundles),
    ...deviceUpserts(env.DB, devices),
    ...bundleUpserts(env.DB, bundles),
    ...auditInserts(env.DB, audit),
  ]
  if (statements.length === 0) return
  try {
    await env.DB.batch(statements)
  } catch (error) {
    logger.warn('read model not written; the queue brings it again', { messages: messages.length, error })
    batch.retryAll({ delaySeconds: 5 })
    return
  }
  const told = await atOnce([...heldByDevice(messages)], OBJECTS_AT_ONCE, ([deviceId, held]) =>
    deviceStub(env, deviceId)
      .indexed(held)
      .then(() => true)
      .catch(() => false),
  )
  const failed = told.filter((heard) => !heard).length
  if (failed > 0) logger.warn('objects not told what the read model holds; they send it again', { failed })
}

/** What the read model holds of one device, as its object names it. */
export interface Held {
  /** 0 when this says nothing about the device's facts. */
  readonly deviceRev: number
  readonly bundles: readonly (readonly [seq: number, rev: number])[]
  readonly auditIds: readonly number[]
}

function heldByDevice(messages: readonly IndexMessage[]): ReadonlyMap<string, Held> {
  const held = new Map<string, { deviceRev: number; bundles: [seq: number, rev: number][]; auditIds: number[] }>()
  const of = (deviceId: string) => {
    const own = held.get(deviceId) ?? { deviceRev: 0, bundles: [], auditIds: [] }
    held.set(deviceId, own)
    return own
  }
  for (const { device, bundle, audit = [] } of messages) {
    if (device) of(device.deviceId).deviceRev = Math.max(of(device.deviceId).deviceRev, device.rev)
    if (bundle) of(bundle.deviceId).bundles.push([bundle.seq, bundle.rev])
    for (const { deviceId, id } of audit) {
      // Written by the object as `<device>/<number>`.
      if (deviceId !== null) of(deviceId).auditIds.push(Number(id.slice(deviceId.length + 1)))
    }
  }
  return held
}
