import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openLog } from '../../../reconciler/log.ts'
import type { GoOn } from '../../../reconciler/loop.ts'
import { pullOnce } from '../../../reconciler/pull/pull.ts'
import { openQueue } from '../../../reconciler/pull/queue.ts'
import { type ReconcileDeps, reconcileOnce } from '../../../reconciler/settle/reconcile.ts'
import { openRiskScorer } from '../../../reconciler/settle/risk.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { trustedReceiptKeys } from '../../../src/crypto/receipt-keys.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { codesOf, makeWorld, newWallet, type World } from '../kit.ts'

/** Steps that find something out for all bundles of a round at once, and one bundle that they cannot bear. */
const db = useDatabase()
let world: World
let payer: string
let bad: TestDevice
let good: TestDevice
let phone: TestDevice
beforeAll(async () => {
  world = await makeWorld(db())
  payer = newWallet()
  await db().open(payer, 1_000_000)
})
beforeEach(async () => {
  await db().owner.query("DELETE FROM offline_sync_queue WHERE status <> 'done'")
  ;[bad, good, phone] = [await world.device(), await world.device(), await world.device()]
})
afterAll(() => world.close())

async function openParts(over: (deps: ReconcileDeps) => Partial<ReconcileDeps>) {
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  const trusted = await trustedReceiptKeys(keys)
  const common = { pool: db().app, clock: () => world.now, random: () => 0.5, log: openLog('silent') }
  const config = { apiUrl: world.env['QUEUE_API_URL'] ?? '', accountId: 'account', id: 'settle', token: 'token' }
  const risk = await openRiskScorer({ kind: 'fixed', score: 0 }, { ...common, fetch: world.network.fetch })
  const deps: ReconcileDeps = {
    ...common,
    settle: db().app,
    keys,
    trusted,
    ...{ codes: await codesOf(world), sendsCodes: false },
    risk,
    policies: knownPolicies,
    settled: () => undefined,
    alarm: () => undefined,
  }
  const bent = { ...deps, ...over(deps) }
  const queue = openQueue(config, world.network.fetch)
  return { pull: () => pullOnce({ ...common, queue, trusted }), reconcile: (goOn?: GoOn) => reconcileOnce(bent, goOn) }
}
const knownPolicies: ReconcileDeps['policies'] = async () => {
  const { rows } = await db().app.query("SELECT * FROM offline_policies WHERE country = 'BJ' AND version = 1")
  const [row] = rows
  const policy = Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name.replace(/_./g, (part) => part.charAt(1).toUpperCase()), value]),
  )
  return new Map([['BJ/1', policy as never]])
}
/** The database, but for one statement that fails when it is about this id. */
function without(pool: pg.Pool, statement: RegExp, id: () => string, error = () => new TypeError('poison')): pg.Pool {
  const query = (text: string, values: readonly unknown[] = []) =>
    statement.test(text) && JSON.stringify(values).includes(id())
      ? Promise.reject(error())
      : pool.query(text, [...values])
  return new Proxy(pool, {
    get: (target, name) => (name === 'query' ? query : Reflect.get(target, name).bind?.(target)),
  })
}
const REGISTRY = /FROM offline_devices d JOIN offline_device_keys/
const TWINS = /SELECT x\.no/

async function sendBoth(): Promise<void> {
  const bare = bad.payment({ sender: phone.ownerWallet, amount: amountMinor(20_000) })
  const payment = signedBy(phone, bare)
  world.network.send(
    ...[bad, good, phone].map((device) => world.facts(device)),
    await world.admit(bad, [payment]),
    await world.admit(good, [good.payment({ sender: payer })]),
  )
}
const stateOf = async (device: TestDevice) => {
  const { rows } = await db().app.query(
    "SELECT status, failures, last_error FROM offline_sync_queue WHERE device_id = $1 AND kind = 'bundle'",
    [device.id],
  )
  return rows[0]
}
test('bundles that have to be posted one by one are given back when that takes too long, or the round is to end', async () => {
  const crowd = await Promise.all(Array.from({ length: 6 }, () => world.device()))
  world.network.send(...[bad, ...crowd].map((device) => world.facts(device)))
  let spentMs = 31_000
  const { pull, reconcile } = await openParts(() => ({
    settled: () => {
      world.now += spentMs
    },
  }))
  await pull()
  await reconcile()
  // A rule of the database that one of them breaks fails the batch.
  await db().owner.query(`ALTER TABLE offline_transactions ADD CONSTRAINT no_bad CHECK (device_id <> '${bad.id}')`)
  for (const device of [...crowd, bad])
    world.network.send(await world.admit(device, [device.payment({ sender: payer })]))
  await pull()
  await reconcile()
  const left = async () => {
    const { rows } = await db().app.query(
      "SELECT attempts, failures FROM offline_sync_queue WHERE status = 'pending' AND kind = 'bundle' AND device_id <> $1",
      [bad.id],
    )
    return rows
  }
  expect(await left()).toEqual(Array(5).fill({ attempts: 0, failures: 0 }))
  spentMs = 0
  await reconcile(() => false)
  expect(await left()).toEqual(Array(5).fill({ attempts: 0, failures: 0 }))
  await reconcile()
  expect(await left()).toEqual([])
  await db().owner.query('ALTER TABLE offline_transactions DROP CONSTRAINT no_bad')
})

const failsFor = (isBad: boolean, error = new TypeError('poison')) => (isBad ? Promise.reject(error) : undefined)

test.each<[string, (deps: ReconcileDeps) => Partial<ReconcileDeps>]>([
  ['of the devices', ({ pool }) => ({ pool: without(pool, REGISTRY, () => bad.id) })],
  ['of the payers’ devices', ({ pool }) => ({ pool: without(pool, REGISTRY, () => phone.id) })],
  [
    'of the policies',
    ({ policies }) => ({
      policies: async (wanted) =>
        (await failsFor(wanted.some((one) => 'deviceId' in one && one.deviceId === bad.id))) ?? policies(wanted),
    }),
  ],
  [
    'of the risk',
    ({ risk }) => ({
      risk: async (bundles) =>
        (await failsFor(bundles.some(({ verified }) => verified.receipt.deviceId === bad.id))) ?? risk(bundles),
    }),
  ],
  ['of payments on two devices', ({ pool }) => ({ pool: without(pool, TWINS, () => bad.id) })],
])('a bundle that breaks the look-up %s stops no other, and is parked in the end', async (_, over) => {
  const { pull, reconcile } = await openParts(over)
  await sendBoth()
  await pull()
  await reconcile()
  expect(await stateOf(good)).toMatchObject({ status: 'done' })
  expect(await stateOf(bad)).toEqual({ status: 'pending', failures: 1, last_error: 'TypeError: poison' })
  for (let round = 0; round < 9; round++) {
    world.now += 10 * 60_000
    await reconcile()
  }
  expect(await stateOf(bad)).toMatchObject({ status: 'parked', last_error: 'TypeError: poison' })
})

test('what is the database’s fault is tried for as long as it takes, and is nobody’s failure', async () => {
  const cut = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  let broken = true
  const { pull, reconcile } = await openParts(({ pool }) => ({
    pool: without(pool, REGISTRY, () => (broken ? good.id : 'none'), cut),
  }))
  await sendBoth()
  await pull()
  for (let round = 0; round < 15; round++) {
    await reconcile()
    world.now += 10 * 60_000
  }
  expect(await stateOf(good)).toMatchObject({ status: 'pending', failures: 0 })
  broken = false
  await reconcile()
  expect(await stateOf(good)).toMatchObject({ status: 'done' })
})

test('resolutions of people are carried out though no bundle can be settled', async () => {
  let down = false
  const { pull, reconcile } = await openParts(({ pool }) => ({
    pool: without(
      pool,
      REGISTRY,
      () => (down ? good.id : 'none'),
      () => new Error('Connection terminated unexpectedly'),
    ),
  }))
  const payments = [bad.payment({ sender: payer })]
  const made = await bad.bundle(payments, world.keySet)
  const held = { counter: 1, decision: 'review', reason: 'amount_review' } as const
  world.network.send(world.facts(bad), world.facts(good), await world.admitMade(made, payments, { exceptions: [held] }))
  await pull()
  await reconcile()
  down = true
  world.network.send(
    await world.admit(good, [good.payment({ sender: payer })]),
    world.review(made, 1, { 1: 'approve' }),
  )
  await pull()
  await reconcile()
  const { rows } = await db().app.query('SELECT status FROM offline_transactions WHERE device_id = $1', [bad.id])
  expect(rows).toEqual([{ status: 'succeeded' }])
  expect(await stateOf(good)).toMatchObject({ status: 'pending' })
})
