import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import { signedBy } from '../../kit/payers.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(() => expectSoundBook(db().app))

const funded = async (balance: number) => {
  const wallet = newWallet()
  await db().open(wallet, balance)
  return wallet
}
const statuses = (deviceId: string) =>
  world.network.outcomes(deviceId).map(({ counter, status, reason }) => [counter, status, ...(reason ? [reason] : [])])

test('a payment taken offline is in the ledger, and the edge is told', async () => {
  const [device, payer] = [await world.device(), await funded(10_000)]
  world.network.send(world.facts(device), await world.admit(device, [device.payment({ sender: payer })]))
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
  expect(await db().balance(device.ownerWallet)).toBe(2500)
  expect(statuses(device.id)).toEqual([[1, 'succeeded']])
  expect(world.network.queued).toBe(0)
  const told = world.network.confirmed.filter(({ deviceId }) => deviceId === device.id)
  expect(told).toContainEqual({ kind: 'device_recorded', deviceId: device.id, rev: 1, wallet: 'known' })
  const [outcome] = world.network.outcomes(device.id)
  const { rows } = await db().app.query(
    'SELECT source_id, source_no FROM wallet_core.transfers WHERE transfer_id = $1',
    [outcome?.transferId],
  )
  expect(rows).toEqual([{ source_id: device.id, source_no: 1 }])
})

test('a payment without funds fails and the rest of its bundle is posted', async () => {
  const [device, payer] = [await world.device(), await funded(5000)]
  const payments = [3000, 3000, 2000].map((amount) => device.payment({ sender: payer, amount: amountMinor(amount) }))
  world.network.send(world.facts(device), await world.admit(device, payments))
  await world.settle()
  expect(statuses(device.id)).toEqual([
    [1, 'succeeded'],
    [2, 'failed', 'insufficient_funds'],
    [3, 'succeeded'],
  ])
  const { rows } = await db().app.query('SELECT status FROM offline_tx_bundles WHERE device_id = $1', [device.id])
  expect(rows).toEqual([{ status: 'partially_accepted' }])
})

test('all five types debit the sender and credit the receiver', async () => {
  const device = await world.device()
  const [customer, agent] = [await world.device('customer', 10_000), await world.device('agent', 10_000)]
  const [customers, agents] = [customer.ownerWallet, agent.ownerWallet]
  const payments = [
    signedBy(customer, device.payment({ type: 'p2p', sender: customers, receiver: agents })),
    device.payment({ type: 'merchant', sender: customers }),
    signedBy(agent, device.payment({ type: 'cashin', sender: agents, receiver: customers })),
    signedBy(customer, device.payment({ type: 'cashout', sender: customers, receiver: agents })),
    device.payment({ type: 'agent', sender: agents, receiver: device.ownerWallet }),
  ]
  const facts = [customer, agent, device].map((each) => world.facts(each))
  world.network.send(...facts, await world.admit(device, payments))
  await world.settle()
  expect(statuses(device.id).map(([, status]) => status)).toEqual(Array(5).fill('succeeded'))
  expect(await db().balance(customers)).toBe(5000)
  expect(await db().balance(agents)).toBe(10_000)
  expect(await db().balance(device.ownerWallet)).toBe(5000)
})

test('a type between accounts that it is not for fails: nobody hands out a float that is not an agent’s', async () => {
  const [device, a, b] = [await world.device(), await world.device('customer', 10_000), newWallet()]
  await db().open(b)
  const types = ['merchant', 'cashin', 'cashout', 'agent'] as const
  const payments = types.map((type) => signedBy(a, device.payment({ type, sender: a.ownerWallet, receiver: b })))
  world.network.send(world.facts(a), world.facts(device), await world.admit(device, await Promise.all(payments)))
  await world.settle()
  expect(statuses(device.id)).toEqual(types.map((_, i) => [i + 1, 'failed', 'wallet_kind_mismatch']))
  expect(await db().balance(a.ownerWallet)).toBe(10_000)
})

test('a payment of others that nobody signed fails, though the edge accepted it', async () => {
  const [device, payer, thief] = [await world.device(), await funded(10_000), newWallet()]
  await db().open(thief)
  const payments = [
    device.payment({ type: 'p2p', sender: payer, receiver: thief }),
    device.payment({ type: 'cashout', sender: payer }),
  ]
  world.network.send(world.facts(device), await world.admit(device, payments))
  await world.settle()
  expect(statuses(device.id)).toEqual(payments.map((_, i) => [i + 1, 'failed', 'payer_not_proven']))
  expect(await db().balance(payer)).toBe(10_000)
})

test('a bundle before its device waits unconfirmed, and is settled when the device is there', async () => {
  const [device, payer] = [await world.device(), await funded(10_000)]
  world.network.send(await world.admit(device, [device.payment({ sender: payer })]))
  await world.settle()
  expect(world.network.confirmed.filter(({ deviceId }) => deviceId === device.id)).toEqual([])
  expect(await (await world.reconciler()).backlog()).toMatchObject({ pending: 1, waiting: 1, parked: 0 })
  for (let i = 0; i < 20; i++) await world.settle()
  expect(await (await world.reconciler()).backlog()).toMatchObject({ waiting: 1, parked: 0 })
  await (await world.reconciler()).once()
  world.network.send(world.facts(device))
  // In the middle of its pause: the device's arrival wakes what waits for it.
  await (await world.reconciler()).once()
  expect(statuses(device.id)).toEqual([[1, 'succeeded']])
})

test('what the edge refused or holds back is recorded and not posted', async () => {
  const [device, payer] = [await world.device(), await funded(100_000)]
  const payments = [1, 2, 3, 4].map(() => device.payment({ sender: payer }))
  const message = await world.admit(device, payments, [
    { counter: 1, decision: 'refused', reason: 'limit_exceeded' },
    { counter: 2, decision: 'review', reason: 'amount_review' },
    { counter: 3, decision: 'quarantined', reason: 'risk_rejected' },
  ])
  world.network.send(world.facts(device), message)
  await world.settle()
  expect(statuses(device.id)).toEqual([
    [1, 'refused', 'limit_exceeded'],
    [2, 'review', 'amount_review'],
    [3, 'quarantined', 'risk_rejected'],
    [4, 'succeeded'],
  ])
  expect(await db().balance(payer)).toBe(97_500)
  const { rows } = await db().app.query('SELECT count, value_minor FROM offline_device_activity WHERE device_id = $1', [
    device.id,
  ])
  expect(rows).toEqual([{ count: 3, value_minor: 7500 }])
})

test('voided counters are nobody’s payment', async () => {
  const [device, payer] = [await world.device(), await funded(10_000)]
  const first = device.payment({ sender: payer })
  const entries = [{ counter: device.counter++, voided: true as const }, device.payment({ sender: payer })]
  world.network.send(world.facts(device), await world.admit(device, [first, ...entries]))
  const onlyVoided = [{ counter: device.counter++, voided: true as const }]
  world.network.send(await world.admit(device, onlyVoided))
  await world.settle()
  expect(statuses(device.id)).toEqual([
    [1, 'succeeded'],
    [3, 'succeeded'],
  ])
})

test('every settled bundle has an audit record without anything personal, and the chain holds', async () => {
  const [device, payer] = [await world.device(), await funded(10_000)]
  world.network.send(world.facts(device), await world.admit(device, [device.payment({ sender: payer })]))
  await world.settle()
  const { rows } = await db().app.query(
    'SELECT action, detail FROM offline_audit_logs WHERE device_id = $1 ORDER BY seq',
    [device.id],
  )
  expect(rows.map(({ action }) => action)).toEqual(['device_recorded', 'bundle_settled'])
  expect(rows[1].detail.payments).toEqual([[1, 'succeeded']])
  expect(JSON.stringify(rows)).not.toContain(payer)
  expect((await db().app.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
})

test('the same messages delivered again and again change nothing', async () => {
  const [device, payer] = [await world.device(), await funded(10_000)]
  const [facts, message] = [world.facts(device), await world.admit(device, [device.payment({ sender: payer })])]
  world.network.send(message, facts, message, facts)
  await world.settle()
  world.network.send(facts, message, message)
  await world.settle()
  // The edge sends a device's facts again with another time.
  world.network.send(world.facts(device, { atMs: world.now + 5 }))
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
  const { rows } = await db().app.query('SELECT status FROM offline_sync_queue WHERE device_id = $1', [device.id])
  expect(rows).toEqual([{ status: 'done' }, { status: 'done' }])
})

test('the same sealed payments signed again are the same bundle', async () => {
  const [device, payer] = [await world.device(), await funded(10_000)]
  const payments = [device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  world.network.send(world.facts(device), await world.admitMade(made, payments))
  world.network.send(await world.admitMade(await device.resign(made), payments))
  await world.settle()
  world.network.send(await world.admitMade(await device.resign(made), payments))
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
})

test.each(['before', 'after'])(
  'a counter that comes in a further bundle, arriving %s the first, is posted once',
  async (order) => {
    const [device, payer] = [await world.device(), await funded(10_000)]
    const payment = device.payment({ sender: payer })
    const first = await world.admit(device, [payment])
    const copy = await world.admit(device, [payment], [{ counter: 1, decision: 'refused', reason: 'duplicate' }])
    world.network.send(world.facts(device))
    for (const message of order === 'before' ? [copy, first] : [first, copy]) {
      world.network.send(message)
      await world.settle()
    }
    expect(await db().balance(payer)).toBe(7500)
    expect(
      statuses(device.id)
        .map(([, status]) => status)
        .sort(),
    ).toEqual(['refused', 'succeeded'])
    expect((await db().app.query('SELECT * FROM offline_conflicts WHERE device_id = $1', [device.id])).rows).toEqual([])
  },
)

test('a copy that the edge accepted all the same is not posted', async () => {
  const [device, payer] = [await world.device(), await funded(10_000)]
  const payment = device.payment({ sender: payer })
  world.network.send(world.facts(device), await world.admit(device, [payment]), await world.admit(device, [payment]))
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
  expect(statuses(device.id)).toContainEqual([1, 'refused', 'duplicate'])
})

test('a bundle that repeats payments of the one before it posts only what is new in it', async () => {
  const [device, payer] = [await world.device(), await funded(100_000)]
  const payments = Array.from({ length: 6 }, () => device.payment({ sender: payer }))
  world.network.send(world.facts(device), world.admit(device, payments.slice(0, 4)))
  await world.settle()
  world.network.send(await world.admit(device, payments.slice(1)))
  await world.settle()
  expect(await db().balance(payer)).toBe(100_000 - 6 * 2500)
  const { rows } = await db().app.query('SELECT counter FROM offline_tx_copies WHERE device_id = $1 ORDER BY counter', [
    device.id,
  ])
  expect(rows.map(({ counter }) => counter)).toEqual([2, 3, 4])
  expect(statuses(device.id).slice(-5)).toEqual([
    ...[2, 3, 4].map((counter) => [counter, 'refused', 'duplicate']),
    ...[5, 6].map((counter) => [counter, 'succeeded']),
  ])
})

test('one identity with two contents posts the first and keeps both', async () => {
  const [device, payer] = [await world.device(), await funded(10_000)]
  const payment = device.payment({ sender: payer })
  const other = { ...payment, amount: amountMinor(9999) }
  world.network.send(world.facts(device), await world.admit(device, [payment]))
  await world.settle()
  world.network.send(await world.admit(device, [other], [{ counter: 1, decision: 'refused', reason: 'duplicate' }]))
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
  const { rows } = await db().app.query(
    `SELECT c.counter, count(b.bundle) AS bundles FROM offline_conflicts c
     JOIN offline_signed_bundles b ON b.device_id = c.device_id AND b.bundle_id IN (c.first_bundle_id, c.other_bundle_id)
     WHERE c.device_id = $1 GROUP BY c.counter`,
    [device.id],
  )
  expect(rows).toEqual([{ counter: 1, bundles: 2 }])
})

test('what is done keeps its key against repetitions and no body; what is parked keeps its bytes', async () => {
  const [device, payer] = [await world.device(), await funded(10_000)]
  const message = await world.admit(device, [device.payment({ sender: payer })])
  world.network.send(world.facts(device), message, message.slice(0, -1))
  await world.settle()
  const { rows } = await db().app.query(
    `SELECT kind, status, body IS NULL AS dropped FROM offline_sync_queue
     WHERE device_id = $1 OR body = $2 ORDER BY kind`,
    [device.id, Buffer.from(message.slice(0, -1))],
  )
  expect(rows).toEqual([
    { kind: 'bundle', status: 'done', dropped: true },
    { kind: 'device', status: 'done', dropped: true },
    { kind: 'unreadable', status: 'parked', dropped: false },
  ])
})
