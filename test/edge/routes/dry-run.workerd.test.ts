import { beforeAll, beforeEach, expect, it } from 'vitest'
import { forgetPolicies } from '../../../src/edge/ingest/policy-cache.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import {
  deliverIndex,
  dumpReadModel,
  inObject,
  type Queues,
  recordQueues,
  tellReadModel,
  unguardedInD1,
} from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { bindings, fetchWith, keySet, pushed, registered } from '../kit.ts'
import { auditor, call, ok, pushPayments, tokenOf } from './kit.ts'

/** A proposed policy over what devices sent. */
const HOUR_MS = 3_600_000
const seconds = (atMs: number) => Math.floor(atMs / 1000) * 1000
let queues: Queues
beforeAll(async () => {
  queues = await recordQueues()
})
beforeEach(() => forgetPolicies())

const asked = (country: string, changes: object, over: object = {}) =>
  ok(call(auditor, 'POST', '/offline/policies/dry-run', { country, changes, ...over }))
const unchanged = { enabled: true }

it('a dry run says what another policy would have decided, by reason, against what was decided; and changes nothing', async () => {
  const device = await registered({ country: 'TG' })
  device.signsForPayers = false
  const amounts = [500, 4_000, 9_000, 9_500]
  const payments = amounts.map((amount) => device.payment({ amount: amountMinor(amount) }))
  await pushPayments(device, payments.slice(0, 2), queues)
  await pushPayments(device, payments.slice(2), queues)
  const before = await dumpReadModel()
  const changes = { max_offline_amount: 9_200, require_payer_proof_above: 5_000, require_manual_review_above: 50_000 }
  const result = await ok(call(auditor, 'POST', '/offline/policies/dry-run', { country: 'TG', changes, days: 3 }))
  expect(result).toMatchObject({ devices: 1, bundles: 2, unopenable: 0, next_cursor: null })
  expect(
    result.payments.toSorted((a: { would: string }, b: { would: string }) => (a.would < b.would ? -1 : 1)),
  ).toEqual([
    { decided: 'claimed', would: 'claimed', count: 2, amount: 4_500 },
    { decided: 'claimed', would: 'refused', reason: 'payer_not_proven', count: 1, amount: 9_000 },
    { decided: 'claimed', would: 'refused', reason: 'limit_exceeded', count: 1, amount: 9_500 },
  ])
  expect(await dumpReadModel()).toBe(before)
})

it('it counts a device’s day as the rules do, and says what would have gone to review', async () => {
  const device = await registered({ country: 'BF' })
  device.signsForPayers = false
  // Apart from each other as people pay, since six in one second would be reviewed; all on one day, in UTC as there.
  const nowMs = Date.now()
  const started = Math.max(seconds(nowMs) - 6 * 20_000, nowMs - (nowMs % (24 * HOUR_MS)))
  const payment = () => device.payment({ initiatedAtMs: started + device.counter * 20_000 })
  for (let i = 0; i < 3; i++) await pushPayments(device, [payment(), payment()], queues)
  const day = { max_offline_per_device_per_day: 4 }
  const limited = await ok(call(auditor, 'POST', '/offline/policies/dry-run', { country: 'BF', changes: day }))
  expect(limited.payments).toEqual([
    { decided: 'claimed', would: 'claimed', count: 4, amount: 10_000 },
    { decided: 'claimed', would: 'refused', reason: 'limit_exceeded', count: 2, amount: 5_000 },
  ])
  const review = { require_payer_proof_above: 1, require_agent_approval_above: 1, require_manual_review_above: 1 }
  const proof = await ok(call(auditor, 'POST', '/offline/policies/dry-run', { country: 'BF', changes: review }))
  expect(proof.payments).toMatchObject([{ would: 'refused', reason: 'payer_not_proven', count: 6 }])
})

it('it goes on at its cursor, device by device', async () => {
  for (let i = 0; i < 3; i++) {
    const device = await registered({ country: 'BJ' })
    await pushPayments(device, [device.payment()], queues)
  }
  const changes = { max_offline_amount: 2_000, require_payer_proof_above: 1_000 }
  const all = await ok(call(auditor, 'POST', '/offline/policies/dry-run', { country: 'BJ', changes }))
  expect(all.devices).toBeGreaterThanOrEqual(3)
  expect(all.next_cursor).toBe(null)
  const sums = { devices: 0, bundles: 0, payments: new Map<string, number>() }
  let pages = 0
  for (let cursor: string | undefined; ; pages++) {
    const asked = { country: 'BJ', changes, limit: 1, ...(cursor !== undefined && { cursor }) }
    const part = await ok(call(auditor, 'POST', '/offline/policies/dry-run', asked))
    sums.devices += part.devices
    sums.bundles += part.bundles
    for (const { decided, would, reason, count } of part.payments) {
      const key = `${decided} ${would} ${reason}`
      sums.payments.set(key, (sums.payments.get(key) ?? 0) + count)
    }
    if (part.next_cursor === null) break
    // A page never begins where it began before.
    expect(part.next_cursor).not.toBe(cursor)
    cursor = part.next_cursor
  }
  expect(pages).toBeGreaterThanOrEqual(2)
  expect([sums.devices, sums.bundles]).toEqual([all.devices, all.bundles])
  expect(Object.fromEntries(sums.payments)).toEqual(
    Object.fromEntries(
      all.payments.map(({ decided, would, reason, count }: Record<string, unknown>) => [
        `${decided} ${would} ${reason}`,
        count,
      ]),
    ),
  )
})

/** Registered ten days ago, so that older payments may be dated before now. */
async function established(country: string): Promise<TestDevice> {
  const device = await registered({ country })
  const tenDays = 240 * HOUR_MS
  const older = 'UPDATE device SET registered_at = registered_at - ?'
  await inObject(device, ({ storage }) => void storage.sql.exec(older, tenDays))
  await deliverIndex(queues)
  await bindings.DB.prepare('UPDATE offline_devices SET registered_at = registered_at - ? WHERE device_id = ?')
    .bind(tenDays, device.id)
    .run()
  return device
}

/** Payments by what was decided and what would have been. */
const compared = async (country: string, over: object = {}) =>
  (await asked(country, unchanged, over)).payments.map(
    ({ decided, would, reason, count }: Record<string, unknown>) => `${count} ${decided} ${would} ${reason ?? ''}`,
  )

it('under the policy in force every payment is decided as it was: by its own risk, dated ahead, in a late hole', async () => {
  const device = await established('ML')
  const startMs = seconds(Date.now())
  const payment = (over: Partial<Payment> = {}) =>
    device.payment({ sender: `W-C${device.counter}`, initiatedAtMs: startMs, ...over })
  // Many small ones from one wallet look like a sum in pieces; the one beside them does not.
  const pieces = Array.from({ length: 8 }, (_, n) =>
    payment({ amount: amountMinor(7_000), sender: 'W-SPLITS', initiatedAtMs: startMs - (20 - n) * 60_000 }),
  )
  await pushPayments(device, [...pieces, payment()], queues)
  const late = await device.bundle([payment({ initiatedAtMs: startMs - 60_000 })], await keySet())
  await pushPayments(device, [payment(), payment({ initiatedAtMs: startMs + 50 * 60_000 })], queues)
  await pushed(late.bundle)
  await tellReadModel(device)
  await deliverIndex(queues)
  expect((await compared('ML')).toSorted()).toEqual([
    '1 review review time_out_of_range',
    '3 accepted accepted ',
    '8 review review risk_review',
  ])
})

it('a payment that fills a hole is held against the bundle before the hole, as it was', async () => {
  const device = await established('CI')
  const nowMs = seconds(Date.now())
  const payment = (hoursAgo: number) => device.payment({ initiatedAtMs: nowMs - hoursAgo * HOUR_MS })
  await pushPayments(device, [payment(30)], queues)
  const late = await device.bundle([payment(20)], await keySet())
  await pushPayments(device, [payment(1)], queues)
  await pushed(late.bundle)
  await tellReadModel(device)
  await deliverIndex(queues)
  expect(await compared('CI')).toEqual(['3 accepted accepted '])
})

it('a day counts what it held before the window, as long ago as payments may be dated', async () => {
  const device = await established('SN')
  const initiatedAtMs = seconds(Date.now() - 60 * HOUR_MS)
  const payment = () =>
    device.payment({ initiatedAtMs, amount: amountMinor(50_000), sender: device.ownerWallet, receiver: 'W-SUPPLIER' })
  const full = await pushPayments(device, Array.from({ length: 10 }, payment), queues)
  await pushPayments(device, [payment()], queues)
  const earlier = 'UPDATE offline_tx_bundles SET received_at = received_at - ? WHERE device_id = ? AND seq = ?'
  await unguardedInD1('offline_tx_bundles_no_update', () =>
    bindings.DB.prepare(earlier)
      .bind(55 * HOUR_MS, device.id, full.header.seq)
      .run(),
  )
  const result = await asked('SN', unchanged, { days: 1 })
  expect(result.payments).toEqual([
    { decided: 'refused', would: 'refused', reason: 'limit_exceeded', count: 1, amount: 50_000 },
  ])
  expect([result.devices, result.bundles]).toEqual([1, 1])
})

it('devices that sent nothing cost no query each', async () => {
  const device = await registered({ country: 'TG', tenant: 'quiet' })
  await pushPayments(device, [device.payment()], queues)
  const ids = Array.from({ length: 500 }, (_, i) => `IDLE-${i}`)
  await bindings.DB.prepare(
    `INSERT INTO offline_devices (device_id, tenant, country, status, alg, kid, rev, registered_at)
      SELECT value, 'quiet', 'TG', 'active', -7, '00', 1, 1 FROM json_each(?)`,
  )
    .bind(JSON.stringify(ids))
    .run()
  let queries = 0
  const DB = {
    prepare: (sql: string) => {
      queries++
      return bindings.DB.prepare(sql)
    },
  } as D1Database
  const headers = {
    authorization: `Bearer ${await tokenOf({ ...auditor, tenant: 'quiet' })}`,
    'content-type': 'application/json',
  }
  const body = JSON.stringify({ country: 'TG', changes: unchanged })
  const result = await ok(fetchWith({ DB }, '/offline/policies/dry-run', { method: 'POST', headers, body }))
  expect(result).toMatchObject({ devices: 1, bundles: 1, next_cursor: null })
  expect(queries).toBeLessThan(10)
})
