import { beforeAll, beforeEach, expect, it } from 'vitest'
import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../../src/crypto/hmac.ts'
import { rebuildDevice } from '../../../src/edge/store/rebuild.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { withoutTriggers, writeD1 } from '../../attacks/d1/kit.ts'
import {
  age,
  alarm,
  confirm,
  deliverIndex,
  inObject,
  lostQueues,
  owed,
  type Queues,
  stubOf,
} from '../../durable-objects/device/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { bindings, keySet, ORIGIN, pushed, registered, SELF } from '../kit.ts'
import { auditor, call, ok, pushPayments } from '../routes/kit.ts'

/** The read model is made again from the objects, whatever it held, and says when. */
const TABLES = ['offline_devices', 'offline_tx_bundles', 'offline_audit_logs']
let queues: Queues
let key: CryptoKey
let device: TestDevice
let made: Made[]

beforeAll(async () => {
  key = await importHmacKey(fromBase64url(bindings.INTERNAL_HMAC_KEY))
})
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered({ country: 'ML' })
  queues.watch(device)
  const waits = device.payment({
    amount: amountMinor(80_000),
    sender: device.ownerWallet,
    receiver: 'W-B',
  })
  made = []
  for (const payments of [[device.payment()], [waits], [device.payment(), device.payment()]]) {
    made.push(await pushPayments(device, payments, queues))
  }
  await settle(0, 'succeeded', 1)
  // So late that it has a record of its own.
  await age(device, 600_000)
  await settle(0, 'reversed', 2)
  await stubOf(device).setStatus('suspended', { actor: 'user:ops', requestId: 'r-2' }, 'lost')
  await rebuilt('before-1')
  await deliverAll()
})

const idOf = (at: number) => ulidText((made[at] as Made).header.bundleId)

async function settle(at: number, status: 'succeeded' | 'reversed', rev: number): Promise<void> {
  const { bundleId, seq } = (made[at] as Made).header
  const outcomes = [{ counter: 1, status, atMs: 1 }] as const
  await confirm(device, [{ kind: 'bundle_settled', deviceId: device.id, bundleId, seq, rev, outcomes }])
}

async function deliverAll(): Promise<void> {
  for (let rounds = 0; rounds < 5 && (await owed(device)).index > 0; rounds++) {
    await deliverIndex(queues)
    await inObject(device, ({ storage: { sql } }) => {
      sql.exec('UPDATE device SET facts_at = facts_at - 60000')
      sql.exec('UPDATE bundles SET updated_at = updated_at - 60000 WHERE indexed_rev < rev')
    })
    await alarm(device)
    await deliverIndex(queues)
  }
  expect((await owed(device)).index).toBe(0)
}

async function rebuilt(run: string, deviceId: string = device.id) {
  const query = new URLSearchParams({ device_id: deviceId, run, by: 'operator:awa' })
  const path = `/internal/rebuild?${query}`
  const signed = await signServiceCall(key, { method: 'POST', path, body: new Uint8Array() }, Date.now())
  return ok(SELF.fetch(ORIGIN + path, { method: 'POST', headers: { [SERVICE_HEADER]: signed } }))
}

/** All that D1 says of the device, but for when it was made again and the record of that. */
async function shown(deviceId: string = device.id) {
  const of = (table: string) => `SELECT * FROM ${table} WHERE device_id = ? ORDER BY 1`
  const found = await bindings.DB.batch<Record<string, unknown>>(
    TABLES.map((table) => bindings.DB.prepare(of(table)).bind(deviceId)),
  )
  return found.map(({ results }) =>
    results.flatMap(({ rebuilt_at: _, ...row }) => (row['action'] === 'read_model_rebuilt' ? [] : [row])),
  )
}

async function falsify(...statements: readonly string[]): Promise<void> {
  const again = await Promise.all(TABLES.map(withoutTriggers))
  for (const statement of statements) await writeD1(statement)
  for (const restore of again) await restore()
}

const bundle = (at: number) => `WHERE bundle_id = '${idOf(at)}' AND device_id = '${device.id}'`
const record = (id: number | string) => `WHERE id = '${device.id}/${id}'`
const copied = (table: string, column: string, value: string, where: string) => `
  INSERT INTO ${table} SELECT ${columnsOf[table]?.map((name) => (name === column ? value : name)).join()} FROM ${table} ${where}`
let columnsOf: Record<string, string[]> = {}
beforeAll(async () => {
  for (const table of TABLES) {
    const { results } = await bindings.DB.prepare(`SELECT name FROM pragma_table_info('${table}')`).all<{
      name: string
    }>()
    columnsOf = { ...columnsOf, [table]: results.map(({ name }) => name) }
  }
})

it.each<[string, () => string[]]>([
  [
    'a bundle and its records are gone',
    () => [`DELETE FROM offline_tx_bundles ${bundle(1)}`, `DELETE FROM offline_audit_logs ${record(2)}`],
  ],
  ['everything is gone', () => TABLES.map((table) => `DELETE FROM ${table} WHERE device_id = '${device.id}'`)],
  [
    'what waits is shown as settled, by a rev that nothing overtakes',
    () => [`UPDATE offline_tx_bundles SET status = 'accepted', payments = '[]', rev = 1e9 ${bundle(1)}`],
  ],
  ['a bundle is another tenant’s', () => [`UPDATE offline_tx_bundles SET tenant = 'x', country = 'ML' ${bundle(0)}`]],
  ['a bundle stands in another place', () => [`UPDATE offline_tx_bundles SET seq = 999, received_at = 1 ${bundle(0)}`]],
  [
    'a bundle has another id',
    () => [`UPDATE offline_tx_bundles SET bundle_id = '01JZZZZZZZZZZZZZZZZZZZZZZZ' ${bundle(2)}`],
  ],
  [
    'a bundle has another digest and other settlements',
    () => [`UPDATE offline_tx_bundles SET digest = x'00', settlements = '[]' ${bundle(0)}`],
  ],
  [
    'there is a bundle that nobody admitted',
    () => [copied('offline_tx_bundles', 'bundle_id', "'01JZZZZZZZZZZZZZZZZZZZZZZZ'", bundle(1))],
  ],
  [
    'a suspended device is active, by a rev that nothing overtakes',
    () => [`UPDATE offline_devices SET status = 'active', rev = 1e9 WHERE device_id = '${device.id}'`],
  ],
  [
    'a record says another actor',
    () => [
      `UPDATE offline_audit_logs SET actor = 'user:nobody' ${record(1)}`,
      `UPDATE offline_audit_logs SET at = 1 ${record('b1.2')}`,
    ],
  ],
  ['a record is another device’s', () => [`UPDATE offline_audit_logs SET device_id = 'POS-OTHER' ${record(1)}`]],
  [
    'there are acts that nobody did',
    () => [
      copied('offline_audit_logs', 'id', `'${device.id}/77'`, record(1)),
      copied('offline_audit_logs', 'id', `'${device.id}/b9.1'`, record('b1.2')),
    ],
  ],
])('%s: all is as before, and what was wrong is counted', async (_, statements) => {
  const before = await shown()
  await falsify(...statements())
  expect(await shown()).not.toEqual(before)
  const done = await rebuilt('run-12345')
  expect(done).toMatchObject({ registered: true, next: null })
  expect(done.removed + done.written).toBeGreaterThan(0)
  expect(await shown()).toEqual(before)
  await deliverAll()
  expect(await rebuilt('run-67890'), 'again').toMatchObject({ removed: 0, written: 0 })
  expect(await shown()).toEqual(before)
})

it('a list says when, and the audit by whom and what was wrong, once however often it is asked', async () => {
  await falsify(`DELETE FROM offline_tx_bundles ${bundle(1)}`)
  const startMs = Date.now()
  for (let times = 0; times < 3; times++) await rebuilt('run-12345')
  await deliverAll()
  const { records } = await ok(call(auditor, 'GET', `/offline/audit?device_id=${device.id}&action=read_model_rebuilt`))
  expect(records.filter((one: { request_id: string }) => one.request_id === 'run-12345')).toMatchObject([
    { actor: 'operator:awa', detail: { removed: 0, written: 1 } },
  ])
  const at = await bindings.DB.prepare('SELECT rebuilt_at FROM offline_devices WHERE device_id = ?')
    .bind(device.id)
    .first('rebuilt_at')
  expect(at).toBeGreaterThanOrEqual(startMs)
})

it('rows of a device that there is not are taken away', async () => {
  await falsify(
    `UPDATE offline_tx_bundles SET device_id = 'POS-NOBODY' ${bundle(1)}`,
    copied('offline_devices', 'device_id', "'POS-NOBODY'", `WHERE device_id = '${device.id}'`),
  )
  expect(await rebuilt('run-12345', 'POS-NOBODY')).toEqual({ registered: false, removed: 2, written: 0, next: null })
  expect((await shown('POS-NOBODY')).flat()).toEqual([])
})

it('what changes while it is made again is shown in the end as it is', async () => {
  let changes = 0
  const batch = async (statements: D1PreparedStatement[]) => {
    // The object moves on, and its newer row is there before this one is written.
    if (changes++ === 0) {
      await settle(2, 'succeeded', 1)
      await stubOf(device).setStatus('active', { actor: 'user:ops', requestId: 'r-3' }, 'found')
      await pushed((await device.bundle([device.payment()], await keySet())).bundle)
      await deliverAll()
    }
    return bindings.DB.batch(statements)
  }
  const DB = { batch, prepare: bindings.DB.prepare.bind(bindings.DB) } as never
  const from = { seq: 0, auditId: 0 }
  const piece = { deviceId: device.id, run: 'run-12345', by: 'operator:awa', from, before: { removed: 0, written: 0 } }
  await rebuildDevice({ DB, DEVICE: bindings.DEVICE, COUNTRY: bindings.COUNTRY }, piece, Date.now())
  expect((await owed(device)).index, 'the object knows that older rows stand there').toBeGreaterThan(0)
  await deliverAll()
  const before = await shown()
  expect(before[0]).toMatchObject([{ status: 'active' }])
  expect(before[1]).toHaveLength(4)
  const again = await rebuilt('run-67890')
  expect(await shown()).toEqual(before)
  expect(again).toMatchObject({ removed: 0, written: 0 })
})

it('goes through thousands of records part by part', async () => {
  await inObject(device, ({ storage: { sql } }) => {
    sql.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO audit (at, actor, action, detail) SELECT i, 'system', 'x', '{}' FROM n`)
  })
  let query: Record<string, string> = {}
  let calls = 0
  for (;;) {
    const path = `/internal/rebuild?${new URLSearchParams({ device_id: device.id, run: 'run-12345', by: 'operator:awa', ...query })}`
    const signed = await signServiceCall(key, { method: 'POST', path, body: new Uint8Array() }, Date.now())
    const { next, removed, written } = await ok(
      SELF.fetch(ORIGIN + path, { method: 'POST', headers: { [SERVICE_HEADER]: signed } }),
    )
    calls++
    if (next === null) {
      expect(written).toBe(5000)
      break
    }
    query = { seq: next.seq, audit_id: next.audit_id, removed, written }
  }
  expect(calls).toBeGreaterThan(1)
  expect(await rebuilt('run-67890')).toMatchObject({ removed: 0, written: 0 })
})
