import { beforeEach, expect, it } from 'vitest'
import { BUNDLE_BYTES_MAX, PAYMENTS_PER_BUNDLE_MAX, REVIEW_REASON_CHARS_MAX } from '../../../src/protocol/limits.ts'
import { bindings, keySet, pushed, registered } from '../../edge/kit.ts'
import { auditor, call, ok } from '../../edge/routes/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { age, alarm, deliverIndex, inObject, lostQueues, owed, type Queues, recordAll, stubOf } from './kit.ts'

/** The largest things that people and devices can make still reach the read model: a Queue takes 128 000 bytes a message. */
const counters = Array.from({ length: PAYMENTS_PER_BUNDLE_MAX }, (_, i) => i + 1)
/** Two bytes a character where messages are written down. */
const reason = '’'.repeat(REVIEW_REASON_CHARS_MAX)
const people = ['user:binta', 'user:cheikh']
/** The real one: it refuses what is too large. Objects get another below. */
const indexQueue = bindings.INDEX_QUEUE
let queues: Queues
let device: TestDevice
let bundleId: Uint8Array

/** A bundle of the largest size, whose hundred payments all wait for two people. */
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
  device.signsForPayers = false
  const payments = counters.map(() => device.payment({ meta: { note: 'x'.repeat(630) } }))
  const { bundle } = await device.bundle(payments, await keySet())
  expect(bundle.length).toBeGreaterThan(0.98 * BUNDLE_BYTES_MAX)
  bundleId = (await pushed(bundle)).receipt.bundleId
  const waiting = JSON.stringify([[1, counters.length, 'review', 'time_out_of_range']])
  await inObject(device, ({ storage }) => {
    storage.sql.exec("UPDATE bundles SET status = 'review', payments = ?", waiting)
  })
})

const vote = (actor: string, payments: readonly number[]) => {
  const ballot = {
    bundleId,
    choice: 'approve',
    payments,
    reason,
    limits: { twoPeopleAbove: 0, dailyValue: 0 },
  } as const
  return stubOf(device).review(ballot, { actor, requestId: crypto.randomUUID(), from: 'SN Dakar 196.207.1.0/24' })
}

/** Everything is sent once more by the alarm, through the real queue, and then taken into D1. */
async function sentAgain() {
  await recordAll(device, { ...queues, settle: queues.settle.filter(({ kind }) => kind === 'device') })
  queues.clear()
  for (let rounds = 0; rounds < 5 && (await owed(device)).index > 0; rounds++) {
    await age(device, 11_000)
    await alarm(device)
    for (const message of [...queues.index]) await indexQueue.send(message, { contentType: 'v8' })
    await deliverIndex(queues)
  }
  expect((await owed(device)).index).toBe(0)
}

const shown = async () => {
  const { results } = await bindings.DB.prepare('SELECT bundle_id FROM offline_tx_bundles WHERE device_id = ?')
    .bind(device.id)
    .all()
  return ok(call(auditor, 'GET', `/offline/bundles/${results[0]?.['bundle_id']}`))
}

it('two people who vote about a hundred payments at once, with the longest reasons', async () => {
  for (const actor of people) await vote(actor, counters)
  await sentAgain()
  const { votes } = await shown()
  expect(votes).toHaveLength(2 * counters.length)
  expect(votes[0]).toMatchObject({ kind: 'review', local_id: `${device.id}/1`, actor: 'user:binta', reason })
})

it('two people who vote about each of a hundred payments alone', async () => {
  for (const counter of counters) for (const actor of people) await vote(actor, [counter])
  await sentAgain()
  const { votes } = await shown()
  expect(votes).toHaveLength(2 * counters.length)
  const { n } = (await bindings.DB.prepare('SELECT COUNT(*) AS n FROM offline_audit_logs WHERE device_id = ?')
    .bind(device.id)
    .first()) as { n: number }
  // Registered, two votes a payment, and what they decided.
  expect(n).toBe(1 + 3 * counters.length)
})

it('a message that no queue takes keeps no other from being sent, and none of the audit', async () => {
  await deliverIndex(queues)
  const grow = "UPDATE bundles SET risk_reasons = json_object('version', hex(zeroblob(50000))), rev = rev + 1"
  await inObject(device, ({ storage: { sql } }) => void sql.exec(grow))
  await stubOf(device).setStatus('suspended', { actor: 'user:awa' }, 'lost')
  queues.clear()
  await age(device, 11_000)
  await alarm(device)
  expect(queues.index.some(({ bundle }) => bundle !== undefined)).toBe(false)
  await deliverIndex(queues)
  // What is left is the bundle.
  expect((await owed(device)).index).toBe(1)
})

it('every message of a vote can be sent as soon as it is cast', async () => {
  queues.clear()
  for (const actor of people) await vote(actor, counters)
  expect(queues.index.length).toBeGreaterThan(0)
  for (const message of [...queues.index]) await indexQueue.send(message, { contentType: 'v8' })
})
