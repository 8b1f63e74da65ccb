import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { verify } from '../../../reconciler/commands/verify.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { PaymentType } from '../../../src/protocol/payment.ts'
import type { Country } from '../../../src/protocol/policy.ts'
import type { DecisionException } from '../../../src/protocol/receipt.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { call } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(() => expectSoundBook(db().app))

const setFee = (country: Country, type: PaymentType, flat: number, basisPoints: number, bearer: string, from = 0) =>
  db().owner.query("SELECT set_offline_fee($1, $2, 'XOF', $3, $4, $5, $6)", [
    ...[country, type, flat, basisPoints, bearer],
    new Date(from),
  ])
const fees = async (country: Country) => {
  const { rows } = await db().app.query('SELECT balance_minor FROM wallet_core.balances WHERE wallet_id = $1', [
    `system:fees:${country}:XOF`,
  ])
  return rows[0]?.balance_minor ?? 0
}

/** A shop in a country, and a customer with so much money. */
async function shop(country: Country, balance: number) {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, balance)
  world.network.send(world.facts(device, { country }))
  await world.settle()
  const sell = async (
    amounts: readonly number[],
    exceptions: readonly DecisionException[] = [],
    receivedAtMs = world.now,
  ) => {
    const payments = amounts.map((amount) => device.payment({ sender: payer, amount: amountMinor(amount) }))
    const made = await device.bundle(payments, world.keySet)
    world.network.send(await world.admitMade(made, payments, { exceptions, receivedAtMs, country }))
    await world.settle()
    return made
  }
  const balances = async () => [await db().balance(payer), await db().balance(device.ownerWallet), await fees(country)]
  const outcomes = () => world.network.outcomes(device.id).map(({ status, reason }) => reason ?? status)
  return { device, payer, sell, balances, outcomes }
}

test('without a rule there is no fee', async () => {
  const { sell, balances } = await shop('ML', 10_000)
  await sell([2500])
  expect(await balances()).toEqual([7500, 2500, 0])
})

test('the payee’s fee comes out of what it is given, in the payment’s own transfer group', async () => {
  await setFee('SN', 'merchant', 10, 150, 'payee')
  const { device, sell, balances } = await shop('SN', 10_000)
  await sell([2500])
  // 10 + 37.5, rounded half up.
  expect(await balances()).toEqual([7500, 2500 - 48, 48])
  const { rows } = await db().app.query(
    'SELECT kind, amount_minor FROM wallet_core.transfers WHERE source_id = $1 AND source_no = 1 ORDER BY kind',
    [device.id],
  )
  expect(rows).toEqual([
    { kind: 'fee', amount_minor: 48 },
    { kind: 'payment', amount_minor: 2500 },
  ])
  const { rows: kept } = await db().app.query(
    'SELECT fee_minor, fee_bearer FROM offline_transactions WHERE device_id = $1',
    [device.id],
  )
  expect(kept).toEqual([{ fee_minor: 48, fee_bearer: 'payee' }])
})

test('the payer’s fee is on top, and without funds for both neither moves', async () => {
  await setFee('CI', 'merchant', 0, 100, 'payer')
  const { sell, balances, outcomes } = await shop('CI', 3030)
  await sell([2000, 1000, 1])
  expect(outcomes()).toEqual(['succeeded', 'succeeded', 'insufficient_funds'])
  expect(await balances()).toEqual([0, 3000, 30])
  await setFee('BF', 'merchant', 0, 100, 'payer')
  const short = await shop('BF', 2019)
  await short.sell([2000])
  expect(short.outcomes()).toEqual(['insufficient_funds'])
  expect(await short.balances()).toEqual([2019, 0, 0])
})

test('a payee’s fee never takes more than the payment gives', async () => {
  await setFee('TG', 'merchant', 500, 0, 'payee')
  const { sell, balances, outcomes } = await shop('TG', 1000)
  await sell([100])
  expect(outcomes()).toEqual(['succeeded'])
  expect(await balances()).toEqual([900, 0, 100])
})

test('other types, countries and times before the rule are free; the highest version in force at admission holds', async () => {
  const start = world.now
  await setFee('BJ', 'merchant', 7, 0, 'payee', start)
  await setFee('BJ', 'merchant', 9, 0, 'payee', start + 86_400_000)
  const { sell, balances } = await shop('BJ', 10_000)
  await sell([1000], [], start - 1)
  expect((await balances())[2]).toBe(0)
  // Arrives long after its admission.
  await sell([1000], [], start + 1)
  expect((await balances())[2]).toBe(7)
  await sell([1000], [], start + 86_400_000)
  expect((await balances())[2]).toBe(16)
  await setFee('BJ', 'merchant', 0, 0, 'payee', start + 2 * 86_400_000)
  await sell([1000], [], start + 2 * 86_400_000)
  expect((await balances())[2]).toBe(16)
})

test('a payment that people approve later pays the fee of its admission, and its reversal gives both back', async () => {
  const country = 'SN'
  const { device, sell, balances } = await shop(country, 10_000)
  const before = await fees(country)
  const made = await sell([2500], [{ counter: 1, decision: 'review', reason: 'amount_review' }])
  await setFee(country, 'merchant', 1000, 0, 'payee', world.now - 3_600_000)
  world.network.send(world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  expect(await balances()).toEqual([7500, 2500 - 48, before + 48])
  world.network.send(world.reversal(made, 2, 1))
  await world.settle()
  expect(await balances()).toEqual([10_000, 0, before])
  const { rows } = await db().app.query(
    'SELECT kind, amount_minor FROM wallet_core.transfers WHERE source_id = $1 ORDER BY kind',
    [device.id],
  )
  expect(rows).toEqual([
    { kind: 'fee', amount_minor: 48 },
    { kind: 'fee_reversal', amount_minor: 48 },
    { kind: 'payment', amount_minor: 2500 },
    { kind: 'reversal', amount_minor: 2500 },
  ])
})

test('a reversal gives the payer’s own fee back too', async () => {
  const { sell, balances } = await shop('CI', 2020)
  const before = await fees('CI')
  const made = await sell([2000])
  expect(await balances()).toEqual([0, 2000, before + 20])
  world.network.send(world.reversal(made, 1, 1))
  await world.settle()
  expect(await balances()).toEqual([2020, 0, before])
})

test('fees are whole minor units, rounded half up, and exact for the largest amounts', async () => {
  const fee = async (amount: number, flat: number, basisPoints: number, bearer = 'payer') => {
    const { rows } = await db().app.query('SELECT offline_fee_minor($1, $2, $3, $4) AS fee', [
      ...[amount, flat, basisPoints, bearer],
    ])
    return rows[0].fee
  }
  expect(await fee(49, 0, 100)).toBe(0)
  expect(await fee(50, 0, 100)).toBe(1)
  expect(await fee(149, 0, 100)).toBe(1)
  expect(await fee(150, 0, 100)).toBe(2)
  expect(await fee(1, 0, 4999)).toBe(0)
  expect(await fee(1, 0, 5000)).toBe(1)
  expect(await fee(2 ** 53 - 1, 0, 10_000)).toBe(2 ** 53 - 1)
  expect(await fee(2 ** 53 - 1, 0, 1)).toBe(900_719_925_474)
  expect(await fee(10, 25, 0, 'payee')).toBe(10)
})

test('rules are added by whoever owns the book, and never changed', async () => {
  for (const sql of [
    "SELECT set_offline_fee('SN', 'p2p', 'XOF', 1, 1, 'payer', now())",
    "INSERT INTO offline_fee_rules VALUES ('SN', 'p2p', 'XOF', 1, now(), 1, 1, 'payer')",
    'UPDATE offline_fee_rules SET flat_minor = 0',
    'DELETE FROM offline_fee_rules',
  ]) {
    await expect(db().app.query(sql), sql).rejects.toThrow(/permission denied/)
  }
  await expect(db().owner.query('UPDATE offline_fee_rules SET flat_minor = 0')).rejects.toThrow(/append-only/)
})

test('after all this the whole book is sound', async () => {
  const { code, output } = await call(verify, [], world)
  expect(output).toContain('the book is sound')
  expect(code).toBe(0)
})
