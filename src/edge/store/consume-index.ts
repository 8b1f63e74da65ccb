import { atOnce, OBJECTS_AT_ONCE } from '../at-once.ts'
import { configOf } from '../config.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'
import { alarm } from '../metrics/alarm.ts'
import type { Indexed, IndexMessage } from './index-message.ts'
import { openIndexMessage } from './seal-index.ts'
import { writeRows } from './write-rows.ts'

/** Until a message comes again: when D1 did not answer, and when D1 does not take it. */
const RETRY_S = 5
const REFUSED_RETRY_S = 300

/** A message of the queue that an object of ours sent, and the rows that it brings. */
interface Authentic {
  readonly message: Message<IndexMessage>
  readonly rows: IndexMessage
}

/**
 * The index queue's consumer: writes up to 100 messages to D1 and then tells each Device Object what D1 holds of it. They
 * are about what was not shown when it was settled: what waits, is late, or was changed by people. When D1 fails, the Queue
 * brings the messages again. What an object was not told it owes, and sends anew: so nothing is lost with a message that
 * nobody of ours sent, or that was changed on its way. It is dropped, and people are told.
 */
export async function consumeIndex(batch: MessageBatch<IndexMessage>, env: Pick<Env, 'DB' | 'DEVICE'>): Promise<void> {
  const authentic = await authenticOf(batch, await configOf(env).macKey('index_message'))
  const unwritten = await writeRows(env.DB, authentic, ({ rows }) => rows)
  for (const { parts, isRefused, error } of unwritten) {
    if (isRefused) logger.error('read model does not take a message', { ...nameOf(parts[0]?.rows), error })
    else logger.warn('read model not written; the queue brings it again', { messages: parts.length, error })
    for (const { message } of parts) message.retry({ delaySeconds: isRefused ? REFUSED_RETRY_S : RETRY_S })
  }
  const missing = new Set(unwritten.flatMap(({ parts }) => parts))
  const written = authentic.filter((one) => !missing.has(one)).map(({ rows }) => rows)
  const told = await atOnce([...indexedByDevice(written)], OBJECTS_AT_ONCE, ([deviceId, indexed]) =>
    deviceStub(env, deviceId)
      .indexed(indexed)
      .then(() => true)
      .catch(() => false),
  )
  const failed = told.filter((heard) => !heard).length
  if (failed > 0) logger.warn('objects not told what the read model holds; they send it again', { failed })
}

async function authenticOf(batch: MessageBatch<IndexMessage>, key: CryptoKey): Promise<readonly Authentic[]> {
  const opened = await Promise.all(
    batch.messages.map(async (message) => ({ message, rows: await openIndexMessage(message.body, key) })),
  )
  return opened.flatMap(({ message, rows }) => {
    if (rows !== undefined) return { message, rows }
    alarm('index_message', 'a message to the read model that no object sent', { messageId: message.id })
    return []
  })
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
