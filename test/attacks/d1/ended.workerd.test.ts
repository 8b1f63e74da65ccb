import { beforeEach, describe, expect, it } from 'vitest'
import { sweep } from '../../../durable-objects/device/owed/sweep.ts'
import { compareSome, showsAllOf } from '../../../src/edge/store/ended.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import {
  age,
  confirm,
  deliverIndex,
  inCountry,
  inObject,
  listed,
  owed,
  type Queues,
  recordQueues,
  stubOf,
} from '../../durable-objects/device/kit.ts'
import { bindings, registered } from '../../edge/kit.ts'
import { auditor, call, ok, pushPayments } from '../../edge/routes/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { alarms, withoutTriggers, writeD1 } from './kit.ts'

/**
 * Whoever can write to D1 hides nothing that has ended from people who read about a device: D1 is compared with what the device's
 * object says before they are answered, and made again. Of all devices the sweep does it, a part of each at a time.
 */
const tenant = 'ended'
const person = { ...auditor, tenant }
let queues: Queues & { readonly restore: () => void }
let device: TestDevice
let made: readonly Made[]

/** Three settled bundles, and a suspension on record. */
beforeEach(async () => {
  queues = await recordQueues()
  device = await registered({ tenant })
  queues.watch(device)
  const all: Made[] = []
  for (let seq = 1; seq <= 3; seq++) {
    const one = await pushPayments(device, [device.payment()], queues)
    all.push(one)
    const outcomes = [{ counter: seq, status: 'succeeded', atMs: Date.now() }] as const
    const bundleId = one.header.bundleId
    await confirm(device, [
      { kind: 'bundle_settled', deviceId: device.id, bundleId, seq, rev: 1, outcomes },
      { kind: 'device_recorded', deviceId: device.id, rev: 9 },
    ])
  }
  made = all
  await stubOf(device).setStatus('suspended', { actor: 'user:crooked' }, 'for a while')
  await deliverIndex(queues)
  await age(device, 60_000)
  await listed(device)
  // Ageing moves the times of the object: D1 follows, as if it had been told of them.
  await showsAllOf(bindings, device.id, Date.now())
  await told()
  expect(await alarms('hidden', () => showsAllOf(bindings, device.id, Date.now()))).toBe(0)
})

/** That D1 was made again is on record, too, and is brought there like any record. */
async function told(): Promise<void> {
  await deliverIndex(queues)
  expect((await owed(device)).index).toBe(0)
}

const ids = () => made.map(({ header }) => ulidText(header.bundleId)).toReversed()
const rows = () =>
  bindings.DB.prepare('SELECT * FROM offline_tx_bundles WHERE device_id = ? ORDER BY seq')
    .bind(device.id)
    .all()
    .then(({ results }) => results)
const records = () =>
  bindings.DB.prepare('SELECT * FROM offline_audit_logs WHERE device_id = ? ORDER BY id')
    .bind(device.id)
    .all()
    .then(({ results }) => results)
const bundles = async (more = '') => await ok(call(person, 'GET', `/offline/bundles?device_id=${device.id}${more}`))
const listedIds = (page: { bundles: { bundle_id: string }[] }) => page.bundles.map(({ bundle_id }) => bundle_id)
const audit = async () => await ok(call(person, 'GET', `/offline/audit?device_id=${device.id}&limit=200`))
const actions = (page: { records: { action: string; actor: string }[] }) =>
  page.records.map(({ action, actor }) => `${action} by ${actor}`)

async function write(table: string, sql: string): Promise<void> {
  const again = await withoutTriggers(table)
  await writeD1(sql, device.id)
  await again()
}

describe('a settled bundle', () => {
  it.each<[string, string]>([
    ['deletes', 'DELETE FROM offline_tx_bundles WHERE device_id = ? AND seq = 2'],
    ['deletes with all others', 'DELETE FROM offline_tx_bundles WHERE device_id = ?'],
    ['calls failed', "UPDATE offline_tx_bundles SET status = 'failed', rev = rev + 9 WHERE device_id = ? AND seq = 3"],
    ['rolls back', 'UPDATE offline_tx_bundles SET rev = 0, settlements = json_array() WHERE device_id = ? AND seq = 1'],
    ['moves to another tenant', "UPDATE offline_tx_bundles SET tenant = 'his' WHERE device_id = ?"],
    ['calls another device’s', "UPDATE offline_tx_bundles SET device_id = 'POS-HIS' WHERE device_id = ? AND seq = 1"],
    ['empties', "UPDATE offline_tx_bundles SET payments = '[]' WHERE device_id = ?"],
    ['moves to another time', 'UPDATE offline_tx_bundles SET received_at = 1 WHERE device_id = ? AND seq = 2'],
  ])('that he %s is in the device’s list all the same, with an alarm', async (_, sql) => {
    const before = await rows()
    await write('offline_tx_bundles', sql)
    let page: Awaited<ReturnType<typeof bundles>>
    const raised = await alarms('hidden', async () => {
      page = await bundles()
    })
    expect(listedIds(page)).toEqual(ids())
    expect(page).not.toHaveProperty('incomplete')
    expect(page.bundles).toMatchObject(Array(3).fill({ status: 'accepted', tenant }))
    expect(raised).toBe(1)
    expect(await rows()).toEqual(before)
    expect(await alarms('hidden', bundles), 'which is over then').toBe(0)
  })

  it('is shown as its object has it when it is looked at alone', async () => {
    await write(
      'offline_tx_bundles',
      "UPDATE offline_tx_bundles SET status = 'failed', payments = '[]' WHERE device_id = ?",
    )
    const one = await ok(call(person, 'GET', `/offline/bundles/${ids()[0]}`))
    expect(one).toMatchObject({ status: 'accepted', payments: [{ local_id: `${device.id}/3`, status: 'succeeded' }] })
  })
})

describe('an act on record', () => {
  it.each<[string, string]>([
    ['deletes', "DELETE FROM offline_audit_logs WHERE device_id = ? AND action = 'device_suspended'"],
    [
      'gives to somebody else',
      "UPDATE offline_audit_logs SET actor = 'user:awa' WHERE device_id = ? AND actor LIKE '%crooked'",
    ],
    [
      'moves to another day',
      "UPDATE offline_audit_logs SET at = at - 86400000 WHERE device_id = ? AND actor LIKE '%crooked'",
    ],
    [
      'puts on another device',
      "UPDATE offline_audit_logs SET device_id = 'POS-HIS' WHERE device_id = ? AND actor LIKE '%crooked'",
    ],
  ])('that he %s is in the device’s audit and its export all the same, with an alarm', async (_, sql) => {
    const before = await records()
    const said = actions(await audit())
    expect(said).toContain('device_suspended by user:crooked')
    await write('offline_audit_logs', sql)
    let page: Awaited<ReturnType<typeof audit>>
    const raised = await alarms('hidden', async () => {
      page = await audit()
    })
    expect(actions(page)).toEqual(said)
    expect(page).not.toHaveProperty('incomplete')
    expect(raised).toBe(1)
    expect(await records()).toEqual(before)

    await told()
    const after = await records()
    await write('offline_audit_logs', sql)
    const answer = await call(person, 'GET', `/offline/audit/export?device_id=${device.id}`)
    const last = (await answer.text()).trim().split('\n').at(-1) ?? ''
    expect(JSON.parse(last)).not.toHaveProperty('incomplete')
    expect(await records()).toEqual(after)
  })
})

it('what is on its way is missing, and the answer says so', async () => {
  await stubOf(device).setStatus('active', { actor: 'user:awa' }, 'found')
  const later = Date.now() + 20_000
  expect(await alarms('hidden', async () => expect(await showsAllOf(bindings, device.id, later)).toBe(false))).toBe(0)
  await deliverIndex(queues)
  expect(await showsAllOf(bindings, device.id, later)).toBe(true)

  await stubOf(device).setStatus('suspended', { actor: 'user:awa' }, 'lost again')
  await age(device, 60_000)
  for (const page of [await bundles(), await audit()]) expect(page).toHaveProperty('incomplete', true)
  const answer = await call(person, 'GET', `/offline/audit/export?device_id=${device.id}`)
  expect(await answer.text()).toMatch(/{"end":true,"records":\d+,"incomplete":true}\n$/)
})

it('an object that does not answer is no proof that nothing is missing', async () => {
  const silent = { ...bindings, DEVICE: { idFromName: () => ({}), get: () => ({}) } } as never
  expect(await showsAllOf(silent, device.id, Date.now())).toBe(false)
  expect(await showsAllOf(bindings, 'POS-NOBODY', Date.now()), 'of nobody nothing is hidden').toBe(true)
})

it('the sweep finds it though nobody reads about the device', async () => {
  const before = await rows()
  await write('offline_tx_bundles', 'DELETE FROM offline_tx_bundles WHERE device_id = ?')
  await write('offline_audit_logs', 'DELETE FROM offline_audit_logs WHERE device_id = ?')
  await inCountry('SN', ({ storage: { sql } }) => {
    sql.exec('UPDATE devices SET swept_at = NULL WHERE device_id = ?', device.id)
  })
  expect(await alarms('hidden', () => sweep(bindings, Date.now()))).toBe(1)
  expect(await rows()).toEqual(before)
})

it('the sweep comes to old parts too, each time to others', async () => {
  await inObject(device, ({ storage: { sql } }) => {
    sql.exec(`WITH RECURSIVE n(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 350)
      INSERT INTO bundles SELECT i, randomblob(16), randomblob(16), digest, prev, bundle, moved, receipt, received_at + i,
        time_floor, currency, first_counter, last_counter, admitted_count, admitted_amount, policy_version, risk_score,
        risk_reasons, payments, status, recorded, settled_rev, rev, indexed_rev, updated_at, votes, admitted_by,
        settlements, expires_at, NULL FROM bundles, n WHERE seq = 1`)
  })
  expect(await showsAllOf(bindings, device.id, Date.now())).toBe(true)
  await told()
  await write('offline_tx_bundles', 'DELETE FROM offline_tx_bundles WHERE device_id = ? AND seq = 150')
  const found = (random: number) => alarms('hidden', () => compareSome(bindings, [device.id], () => random, Date.now()))
  expect([await found(0.99), await found(0), await found(0.45)], 'the newest and the oldest part have it not').toEqual([
    0, 0, 1,
  ])
  expect(await rows()).toHaveLength(350)
})
