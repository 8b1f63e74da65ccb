import { atOnce, OBJECTS_AT_ONCE } from '../at-once.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'
import type { Indexed, IndexMessage } from './index-message.ts'
import { writeRows } from './write-rows.ts'

/** Until a message comes again: when D1 did not answer, and when D1 does not take it. */
const RETRY_S = 5
const REFUSED_RETRY_S = 300

/**
 * The index queue's consumer: writes up to 100 messages to D1 and then tells each Device Object what D1 holds of it. They
 * are about what was not shown when it was settled: what waits, is late, or was changed by people. When D1 fails, the Queue brings the messages again. What an object was not told it owes, and sends anew.
 */
export async function consumeIndex(batch: MessageBatch<IndexMessage>, env: Pick<Env, 'DB' | 'DEVICE'>): Promise<void> {
  const unwritten = await writeRows(env.DB, batch.messages, ({ body }) => body)
  for (const { parts, isRefused, error } of unwritten) {
    if (isRefused) logger.error('read model does not take a message', { ...nameOf(parts[0]?.body), error })
    else logger.warn('read model not written; the queue brings it again', { messages: parts.length, error })
    for (const message of parts) message.retry({ delaySeconds: isRefused ? REFUSED_RETRY_S : RETRY_S })
  }
  const missing = new Set(unwritten.flatMap(({ parts }) => parts))
  const written = batch.messages.filter((message) => !missing.has(message)).map(({ body }) => body)
  const told = await atOnce([...indexedByDevice(written)], OBJECTS_AT_ONCE, ([deviceId, indexed]) =>
    deviceStub(env, deviceId)
      .indexed(indexed)
      .then(() => true)
      .catch(() => false),
  )
  const failed = told.filter((heard) => !heard).length
  if (failed > 0) logger.warn('objects not told what the read model holds; they send it again', { failed })
}

const nameOf = (message: IndexMessage | undefined) => ({
  deviceId: message?.device?.deviceId ?? message?.bundle?.deviceId ?? message?.audit?.[0]?.deviceId,
  bundleId: message?.bundle?.bundleId,
  auditIds: message?.audit?.map(({ id }) => id),
})

function indexedByDevice(messages: readonly IndexMessage[]): ReadonlyMap<string, Indexed> {
  const indexed = new Map<string, { deviceRev: number; bundles: [seq: number, rev: number][]; auditIds: number[] }>()
  const of = (deviceId: string) => {
    const own = indexed.get(deviceId) ?? { deviceRev: 0, bundles: [], auditIds: [] }
    indexed.set(deviceId, own)
    return own
  }
  for (const { device, bundle, audit = [] } of messages) {
    if (device) of(device.deviceId).deviceRev = Math.max(of(device.deviceId).deviceRev, device.rev)
    if (bundle) of(bundle.deviceId).bundles.push([bundle.seq, bundle.rev])
    for (const { deviceId, id } of audit) {
      // Written by the object as `<device>/<number>`; those of bundles go with their rows.
      const number = deviceId === null ? Number.NaN : Number(id.slice(deviceId.length + 1))
      if (deviceId !== null && !Number.isNaN(number)) of(deviceId).auditIds.push(number)
    }
  }
  return indexed
}
