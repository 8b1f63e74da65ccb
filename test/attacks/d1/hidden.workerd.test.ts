import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sweep } from '../../../durable-objects/device/owed/sweep.ts'
import { listWaiting } from '../../../src/edge/store/countries.ts'
import { mendReadModel } from '../../../src/edge/store/mend.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { inCountry, inObject, listed, type Queues, recordQueues, stubOf } from '../../durable-objects/device/kit.ts'
import { bindings, registered } from '../../edge/kit.ts'
import { call, ok, otherAdmin, pushPayments } from '../../edge/routes/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { alarms, withoutTriggers, writeD1 } from './kit.ts'

/** Whoever can write to D1 hides from people neither what waits nor who there is: the next list that they ask shows it. */
const tenant = 'hidden'
const person = { sub: 'binta', roles: ['pay_reviewer', 'pay_auditor'], tenant }
let queues: Queues
let device: TestDevice
let waits: Made
let claimed: Made

beforeAll(async () => {
  queues = await recordQueues()
})
beforeEach(async () => {
  device = await registered({ tenant })
  const own = device.payment({
    amount: amountMinor(80_000),
    sender: device.ownerWallet,
    receiver: 'W-B',
  })
  waits = await pushPayments(device, [own], queues)
  device.signsForPayers = false
  claimed = await pushPayments(device, [device.payment({ sender: 'W-CUSTOMER', receiver: device.ownerWallet })], queues)
  await listed(device)
})
afterAll(() => queues.clear())

const idOf = ({ header }: Made) => ulidText(header.bundleId)
const idsIn = async (path: string, list: string) =>
  ((await ok(call(person, 'GET', path)))[list] as { bundle_id: string; device_id: string }[]).map(
    ({ bundle_id, device_id }) => bundle_id ?? device_id,
  )
const reviews = () => idsIn(`/offline/reviews?device_id=${device.id}`, 'reviews')
const bundles = (narrowed = '') => idsIn(`/offline/bundles?device_id=${device.id}${narrowed}`, 'bundles')
const devices = (narrowed = '') => idsIn(`/offline/devices?country=SN&limit=200${narrowed}`, 'devices')

async function write(table: string, sql: string): Promise<void> {
  const again = await withoutTriggers(table)
  await writeD1(sql, device.id)
  await again()
}
const rows = async () => {
  const { results } = await bindings.DB.prepare(
    'SELECT bundle_id, status, tenant, country FROM offline_tx_bundles WHERE device_id = ? ORDER BY received_at',
  )
    .bind(device.id)
    .all()
  return results
}
const suspend = () =>
  ok(call({ ...otherAdmin, tenant }, 'POST', `/offline/devices/${device.id}/suspend`, { reason: 'looked at' }))
const isNext = () =>
  inCountry('SN', ({ storage: { sql } }) => {
    sql.exec('UPDATE devices SET swept_at = NULL WHERE device_id = ?', device.id)
  })
/** As the cron does it, some time after the rows should have been there, when it is the device's turn. */
const swept = async () => {
  await isNext()
  await sweep(bindings, Date.now() + 20_000)
}

describe('what waits', () => {
  it.each<[string, string]>([
    ['deletes', 'DELETE FROM offline_tx_bundles WHERE device_id = ?'],
    ['calls accepted', "UPDATE offline_tx_bundles SET status = 'accepted', rev = rev + 9 WHERE device_id = ?"],
    ['rolls back to an older state', "UPDATE offline_tx_bundles SET status = 'pushed', rev = 0 WHERE device_id = ?"],
    ['moves to another tenant', "UPDATE offline_tx_bundles SET tenant = 'his' WHERE device_id = ?"],
    ['moves to another country', "UPDATE offline_tx_bundles SET country = 'CI' WHERE device_id = ?"],
    ['moves to another time', 'UPDATE offline_tx_bundles SET received_at = 1 WHERE device_id = ?'],
    ['calls another device’s', "UPDATE offline_tx_bundles SET device_id = 'POS-HIS' WHERE device_id = ?"],
    ['empties', "UPDATE offline_tx_bundles SET payments = '[]' WHERE device_id = ?"],
  ])('that he %s is in each list at once, and back in the read model with an alarm', async (_, sql) => {
    // What tests before this one left behind.
    await swept()
    const before = await rows()
    await write('offline_tx_bundles', sql)
    expect(await reviews()).toEqual([idOf(waits)])
    expect(await bundles('&status=review')).toEqual([idOf(waits)])
    expect(await bundles('&status=claimed')).toEqual([idOf(claimed)])
    expect((await bundles()).toSorted()).toEqual([idOf(waits), idOf(claimed)].toSorted())
    const one = await ok(call(person, 'GET', `/offline/bundles/${idOf(waits)}?device_id=${device.id}`))
    expect(one).toMatchObject({ status: 'review', contents: 'verified', tenant, payments: [{ amount: 80_000 }] })
    expect(await alarms('hidden', swept)).toBe(1)
    expect(await rows()).toEqual(before)
    expect(await alarms('hidden', swept), 'which is over then').toBe(0)
  })

  it('is not called hidden when its object moves on while it is looked for', async () => {
    await swept()
    // As the object of the country had it, which is told by itself: D1 may be ahead of it.
    const rows = await listWaiting(bindings, { statuses: ['review'], deviceId: device.id, order: 'oldest' }, 10)
    const shown = rows.map((row) => ({ ...row, rev: row.rev - 1 }))
    expect(shown).toHaveLength(1)
    const real = stubOf(device)
    let isMovedOn = false
    const stub = {
      wake: () => real.wake(),
      rebuilt: (...of: Parameters<typeof real.rebuilt>) => real.rebuilt(...of),
      noteRebuilt: (...of: Parameters<typeof real.noteRebuilt>) => real.noteRebuilt(...of),
      async shownRows(...of: Parameters<typeof real.shownRows>) {
        if (!isMovedOn) await suspend()
        isMovedOn = true
        return real.shownRows(...of)
      },
    }
    const DEVICE = { idFromName: (name: string) => bindings.DEVICE.idFromName(name), get: () => stub }
    const env = { ...bindings, DEVICE: DEVICE as never }
    const looked = () => mendReadModel(env, { bundles: shown }, Date.now() + 20_000)
    expect(await alarms('hidden', looked)).toBe(0)
    expect(isMovedOn).toBe(true)
  })

  it('can be decided while D1 does not have it', async () => {
    await write('offline_tx_bundles', 'DELETE FROM offline_tx_bundles WHERE device_id = ?')
    const ballot = { choice: 'reject', payments: [1], reason: 'not known' }
    for (const sub of ['binta', 'cheikh'])
      await ok(call({ ...person, sub }, 'POST', `/offline/bundles/${idOf(waits)}/review`, ballot))
    await listed(device)
    expect(await reviews()).toEqual([])
  })

  it('is told again by its object when the object of the country has lost it', async () => {
    await inCountry('SN', ({ storage: { sql } }) => {
      sql.exec('DELETE FROM devices WHERE device_id = ?', device.id)
      sql.exec('DELETE FROM waiting WHERE device_id = ?', device.id)
    })
    expect(await reviews()).toEqual([])
    await suspend()
    await listed(device)
    expect(await reviews()).toEqual([idOf(waits)])
    expect(await bundles('&status=claimed')).toEqual([idOf(claimed)])
  })

  it('goes to the object of the country page by page, each change once', async () => {
    await inObject(device, ({ storage: { sql } }) => {
      sql.exec(`WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 252)
        INSERT INTO bundles SELECT i, randomblob(16), randomblob(16), digest, prev, bundle, moved, receipt, received_at + i,
          time_floor, currency, first_counter, last_counter, admitted_count, admitted_amount, policy_version, risk_score,
          risk_reasons, payments, status, recorded, settled_rev, rev, indexed_rev, updated_at, votes, admitted_by,
          settlements, expires_at, NULL FROM bundles, n WHERE seq = 1`)
    })
    await suspend()
    await listed(device)
    const kept = await inCountry('SN', ({ storage: { sql } }) =>
      sql.exec('SELECT COUNT(*) AS n FROM waiting WHERE device_id = ?', device.id).one(),
    )
    expect(kept).toEqual({ n: 252 })
  })
})

describe('a device', () => {
  it.each<[string, string]>([
    ['deletes', 'DELETE FROM offline_devices WHERE device_id = ?'],
    ['calls revoked', "UPDATE offline_devices SET status = 'revoked' WHERE device_id = ?"],
    ['moves to another tenant', "UPDATE offline_devices SET tenant = 'his' WHERE device_id = ?"],
  ])('that he %s is in the list at once, and back in the read model with an alarm', async (_, sql) => {
    const read = () => bindings.DB.prepare('SELECT * FROM offline_devices WHERE device_id = ?').bind(device.id).first()
    await swept()
    const before = { ...(await read()), rebuilt_at: expect.anything() }
    await write('offline_devices', sql)
    expect(await devices()).toContain(device.id)
    expect(await devices('&status=active')).toContain(device.id)
    expect(await alarms('hidden', swept)).toBe(1)
    expect(await read()).toMatchObject(before)
  })

  it('is swept although he deletes all that D1 has of it', async () => {
    for (const table of ['offline_devices', 'offline_tx_bundles', 'offline_owed'])
      await write(table, `DELETE FROM ${table} WHERE device_id = ?`)
    await inObject(device, async ({ storage }) => {
      storage.sql.exec('UPDATE device SET indexed_rev = 0')
      await storage.deleteAlarm()
    })
    await isNext()
    await sweep(bindings, Date.now())
    expect(await inObject(device, ({ storage }) => storage.getAlarm())).not.toBeNull()
  })
})

describe('consent that one person asked for', () => {
  const asked = async (who = person) =>
    ((await ok(call(who, 'GET', '/offline/consent-requests?limit=200'))).requests as { device_id: string }[]).filter(
      ({ device_id }) => device_id === device.id,
    )
  const path = () => `/offline/devices/${device.id}/consents`

  it('is in the list of all devices until another person confirms it, whatever D1 has', async () => {
    expect(await asked()).toEqual([])
    const by = { sub: 'awa', roles: ['pay_admin'], tenant }
    const { asked: request } = await ok(call(by, 'POST', path(), { reason: 'the owner came' }), 201)
    await listed(device)
    for (const table of ['offline_devices', 'offline_audit_logs'])
      await write(table, `DELETE FROM ${table} WHERE device_id = ?`)
    expect(await asked()).toEqual([{ device_id: device.id, tenant, country: 'SN', ...request }])
    expect(await asked({ ...person, tenant: 'another' })).toEqual([])
    await ok(call({ ...otherAdmin, tenant }, 'POST', `${path()}/${request.request}/confirm`, { reason: 'seen' }))
    await listed(device)
    expect(await asked()).toEqual([])
  })

  it('is in it no more once the device is revoked, or a week has gone by', async () => {
    const by = { sub: 'awa', roles: ['pay_admin'], tenant }
    await ok(call(by, 'POST', path(), { reason: 'the owner came' }), 201)
    await listed(device)
    expect(await asked()).toHaveLength(1)
    await inCountry('SN', ({ storage: { sql } }) => {
      sql.exec('UPDATE devices SET asked_at = asked_at - ? WHERE device_id = ?', 8 * 86_400_000, device.id)
    })
    expect(await asked()).toEqual([])
    await ok(call(by, 'POST', path(), { reason: 'the owner came again' }), 201)
    await listed(device)
    expect(await asked()).toHaveLength(1)
    await ok(call(by, 'POST', `/offline/devices/${device.id}/revoke`, { reason: 'stolen' }))
    await listed(device)
    expect(await asked()).toEqual([])
  })
})
