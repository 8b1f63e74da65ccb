import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { verify } from '../../../reconciler/commands/verify.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { DecisionException } from '../../../src/protocol/receipt.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { call } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { roundWithCut } from '../faults/cut.ts'
import { EVENTUALLY, makeWorld, newWallet, runThree, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(() => expectSoundBook(db().app))

interface Sale {
  readonly device: TestDevice
  readonly payer: string
  readonly made: Made
  readonly facts: Uint8Array
  readonly bundle: Uint8Array
}

/** Payments of 2 500 each at a merchant's, on their way. */
async function sale(balances: readonly number[], exceptions: readonly DecisionException[] = []): Promise<Sale> {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, balances[0] ?? 0)
  const payments: Payment[] = balances.map(() => device.payment({ sender: payer }))
  const made = await device.bundle(payments, world.keySet)
  const bundle = await world.admitMade(made, payments, { exceptions })
  return { device, payer, made, facts: await world.facts(device), bundle }
}
async function posted(): Promise<Sale> {
  const one = await sale([10_000])
  world.network.send(one.facts, one.bundle)
  await world.settle()
  expect(await db().balance(one.payer)).toBe(7500)
  return one
}
const statuses = (deviceId: string) => world.network.outcomes(deviceId).map(({ status }) => status)
const resolutions = async (deviceId: string) => {
  const { rows } = await db().app.query(
    'SELECT rev, result, last_error FROM offline_resolutions WHERE device_id = $1 ORDER BY rev',
    [deviceId],
  )
  return rows.map(({ rev, result, last_error }) => [rev, result ?? last_error])
}
const owed = async (deviceId: string) =>
  (await db().app.query('SELECT * FROM offline_shortfalls WHERE device_id = $1', [deviceId])).rows

test('a reversed payment’s money is back by a transfer the other way, and both are in the book', async () => {
  const { device, payer, made } = await posted()
  world.network.send(world.reversal(made, 1, 1))
  await world.settle()
  expect(await db().balance(payer)).toBe(10_000)
  expect(await db().balance(device.ownerWallet)).toBe(0)
  expect(statuses(device.id)).toEqual(['succeeded', 'reversed'])
  // The outcome keeps naming the payment's own transfer.
  const [first, second] = world.network.outcomes(device.id)
  expect(second?.transferId).toBe(first?.transferId)
  const { rows } = await db().app.query(
    `SELECT r.kind, r.amount_minor, r.debit_account_id = p.credit_account_id AND r.credit_account_id = p.debit_account_id AS back
     FROM offline_transactions t JOIN wallet_core.transfers p USING (transfer_id)
     JOIN wallet_core.transfers r ON r.transfer_id = t.reversal_transfer_id WHERE t.device_id = $1`,
    [device.id],
  )
  expect(rows).toEqual([{ kind: 'reversal', amount_minor: 2500, back: true }])
  const { rows: bundles } = await db().app.query('SELECT status, rev FROM offline_tx_bundles WHERE device_id = $1', [
    device.id,
  ])
  expect(bundles).toEqual([{ status: 'accepted', rev: 2 }])
  const { rows: audit } = await db().app.query(
    "SELECT actor, detail FROM offline_audit_logs WHERE device_id = $1 AND action = 'resolution_applied'",
    [device.id],
  )
  expect(audit).toEqual([
    { actor: 'user:anna user:bo', detail: { rev: 1, payments: [[1, 'applied', 'reversed', null]] } },
  ])
  expect(world.network.confirmed).toContainEqual({ kind: 'resolution_recorded', deviceId: device.id, rev: 1 })
})

test('a payment is reversed once, whatever is decided and delivered again', async () => {
  const { device, payer, made } = await posted()
  const reversal = world.reversal(made, 1, 1)
  world.network.send(reversal, reversal, world.reversal(made, 2, 1))
  await world.settle()
  world.network.send(world.reversal(made, 3, 1), reversal)
  await world.settle()
  expect(await db().balance(payer)).toBe(10_000)
  expect(await resolutions(device.id)).toEqual([
    [1, 'applied'],
    [2, expect.stringMatching(/superseded|not_reversible/)],
    [3, 'not_reversible'],
  ])
})

test('a reversal before its payment waits for it', async () => {
  const { device, payer, made, facts, bundle } = await sale([10_000])
  world.network.send(world.reversal(made, 1, 1))
  await world.settle()
  world.network.send(facts)
  await world.settle()
  expect((await (await world.reconciler()).backlog()).resolutions).toBe(1)
  world.network.send(bundle)
  await world.settle()
  expect(statuses(device.id).at(-1)).toBe('reversed')
  expect(await db().balance(payer)).toBe(10_000)
})

test('a reversal of a payment that waits for people waits for what they decide', async () => {
  const held = [{ counter: 1, decision: 'review', reason: 'amount_review' }] as const
  const { device, payer, made, facts, bundle } = await sale([10_000], held)
  world.network.send(facts, bundle, world.reversal(made, 2, 1))
  await world.settle()
  const { rows } = await db().app.query('SELECT waiting_for FROM offline_open_resolutions WHERE device_id = $1', [
    device.id,
  ])
  expect(rows).toEqual([{ waiting_for: 'review' }])
  world.network.send(world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  expect(statuses(device.id).at(-1)).toBe('reversed')
  expect(await db().balance(payer)).toBe(10_000)
})

test('a payment that moved no money cannot be reversed, and the resolution shows that', async () => {
  const refused = [{ counter: 2, decision: 'refused', reason: 'limit_exceeded' }] as const
  const { device, payer, made, facts, bundle } = await sale([100, 0], refused)
  world.network.send(facts, bundle, world.reversal(made, 1, 1), world.reversal(made, 2, 2), world.reversal(made, 3, 9))
  await world.settle()
  expect(await resolutions(device.id)).toEqual([
    [1, 'not_reversible'],
    [2, 'not_reversible'],
    [3, 'unknown_payment'],
  ])
  expect(await db().balance(payer)).toBe(100)
  expect(statuses(device.id)).toEqual(['failed', 'refused'])
})

test('what the receiver cannot give back is listed as owed with the payer bearing it, and taken when it can', async () => {
  const { device, payer, made } = await posted()
  await db().open('landlord')
  const spent = { type: 'p2p', sender: device.ownerWallet, receiver: 'landlord', amount: amountMinor(1000) } as const
  world.network.send(await world.admit(device, [device.payment(spent)]))
  await world.settle()
  world.network.send(world.reversal(made, 1, 1))
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
  expect(statuses(device.id)).toEqual(['succeeded', 'succeeded'])
  expect(await owed(device.id)).toMatchObject([
    {
      kind: 'reversal',
      counter: 1,
      amount_minor: 2500,
      short_wallet: device.ownerWallet,
      borne_by: payer,
      bearer: 'payer',
    },
  ])
  expect(await (await world.reconciler()).backlog()).toMatchObject({ resolutions: 1, parked: 0 })

  await db().open(device.ownerWallet, 1000, { kind: 'merchant' })
  world.now += 86_400_000
  await world.settle()
  expect(await db().balance(payer)).toBe(10_000)
  expect(await db().balance(device.ownerWallet)).toBe(0)
  expect(statuses(device.id)).toContain('reversed')
  expect(await owed(device.id)).toEqual([])
})

test('money does not leave a frozen wallet, also not back: it is owed until the wallet is free', async () => {
  const { device, payer, made } = await posted()
  const freeze = (frozen: boolean) =>
    db().owner.query('UPDATE wallet_core.accounts SET frozen = $2 WHERE wallet_id = $1', [device.ownerWallet, frozen])
  await freeze(true)
  world.network.send(world.reversal(made, 1, 1))
  await world.settle()
  expect(await resolutions(device.id)).toEqual([[1, 'wallet_frozen']])
  expect(await owed(device.id)).toHaveLength(1)
  await freeze(false)
  world.now += 86_400_000
  await world.settle()
  expect(await db().balance(payer)).toBe(10_000)
})

test('many reversals by three reconcilers at once: each once', async () => {
  const sales = await Promise.all(Array.from({ length: 10 }, posted))
  const messages = sales.flatMap(({ made }) => [world.reversal(made, 1, 1), world.reversal(made, 2, 1)])
  world.network.send(...messages, ...messages)
  const ids = sales.map(({ device }) => device.id)
  const open = async () => {
    const { rows } = await db().app.query(
      'SELECT count(*) AS n FROM offline_resolutions WHERE device_id = ANY ($1) AND result IS NOT NULL',
      [ids],
    )
    return rows[0].n
  }
  await runThree(world, () => expect.poll(open, { ...EVENTUALLY, interval: 50 }).toBe(20))
  for (const { payer, device } of sales) {
    expect(await db().balance(payer)).toBe(10_000)
    expect(await db().balance(device.ownerWallet)).toBe(0)
  }
})

async function reverseWithCut(at: number, how: 'before' | 'after'): Promise<boolean> {
  const { device, payer, made } = await posted()
  world.network.send(world.reversal(made, 1, 1))
  const dead = await roundWithCut(world, at, how)
  const done = async () => {
    await world.settle()
    return statuses(device.id).at(-1)
  }
  await expect.poll(done, EVENTUALLY).toBe('reversed')
  expect(await db().balance(payer)).toBe(10_000)
  expect(await db().balance(device.ownerWallet)).toBe(0)
  return dead
}

test.each(['before', 'after'] as const)('killed %s any message to Postgres: reversed once', EVENTUALLY, async (how) => {
  let at = 1
  while (await reverseWithCut(at, how)) at += 1
  expect(at).toBeGreaterThan(15)
  expect((await db().app.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
})

test('after all this the whole book is sound', async () => {
  const { code, output } = await call(verify, [], world)
  expect(output).toContain('the book is sound')
  expect(code).toBe(0)
})
