import { atOnce, OBJECTS_AT_ONCE } from '../at-once.ts'
import { deviceStub, type Env } from '../env.ts'
import { logger } from '../log.ts'
import { countBundles } from '../metrics/count-bundles.ts'
import { isRefusedByD1 } from './d1-error.ts'
import type { Indexed, IndexMessage } from './index-message.ts'
import { auditInserts, bundleUpserts, deviceUpserts } from './projections.ts'

/** Until a message comes again: when D1 did not answer, and when D1 does not take it. */
const RETRY_S = 5
const REFUSED_RETRY_S = 300

/**
 * The index queue's consumer: writes up to 100 messages to D1 in one batch, which is one transaction, and then tells each
 * Device Object what D1 holds of it. Rows carry a rev and only a newer one replaces, so repeats and any order are fine.
 * When D1 fails, the Queue brings the messages again. What an object was not told it owes, and sends anew.
 */
export async function consumeIndex(batch: MessageBatch<IndexMessage>, env: Pick<Env, 'DB' | 'DEVICE'>): Promise<void> {
  const written = await write(batch.messages, env.DB)
  const told = await atOnce([...indexedByDevice(written)], OBJECTS_AT_ONCE, ([deviceId, indexed]) =>
    deviceStub(env, deviceId)
      .indexed(indexed)
      .then(() => true)
      .catch(() => false),
  )
  const failed = told.filter((heard) => !heard).length
  if (failed > 0) logger.warn('objects not told what the read model holds; they send it again', { failed })
}

/**
 * Writes all of the messages, or asks for them again. When D1 does not take the rows of one, each half is written alone, down
 * to that message: it must not keep the others from being shown.
 *
 * @returns what was written
 */
async function write(messages: readonly Message<IndexMessage>[], db: D1Database): Promise<readonly IndexMessage[]> {
  const bodies = messages.map(({ body }) => body)
  try {
    const statements = statementsFor(bodies, db)
    if (statements.length > 0) await db.batch(statements)
    return bodies
  } catch (error) {
    // A message from which no statement can be made is a TypeError.
    if (!isRefusedByD1(error) && !(error instanceof TypeError)) {
      logger.warn('read model not written; the queue brings it again', { messages: messages.length, error })
      for (const message of messages) message.retry({ delaySeconds: RETRY_S })
      return []
    }
    if (messages.length === 1) {
      logger.error('read model does not take a message', { ...nameOf(bodies[0]), error })
      messages[0]?.retry({ delaySeconds: REFUSED_RETRY_S })
      return []
    }
  }
  const middle = Math.ceil(messages.length / 2)
  const first = await write(messages.slice(0, middle), db)
  return [...first, ...(await write(messages.slice(middle), db))]
}

function statementsFor(messages: readonly IndexMessage[], db: D1Database): D1PreparedStatement[] {
  const bundles = messages.flatMap(({ bundle }) => bundle ?? [])
  const devices = messages.flatMap(({ device }) => device ?? [])
  const audit = messages.flatMap(({ audit }) => audit ?? [])
  return [
    // Before the rows: it counts what they change.
    ...countBundles(db, bundles),
    ...deviceUpserts(db, devices),
    ...bundleUpserts(db, bundles),
    ...auditInserts(db, audit),
  ]
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
      // Written by the object as `<device>/<number>`.
      if (deviceId !== null) of(deviceId).auditIds.push(Number(id.slice(deviceId.length + 1)))
    }
  }
  return indexed
}
