import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment, PaymentName } from '../../../src/protocol/payment.ts'
import type { DecisionException } from '../../../src/protocol/receipt.ts'
import { TestDevice } from '../../kit/device.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeWorld, newWallet, runThree, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
afterEach(() => expectSoundBook(db().app))

/** A shop with a till, and a customer who has 10 000. */
async function shop() {
  const [till, customer] = [await world.device(), newWallet()]
  await db().open(customer, 10_000)
  world.network.send(world.facts(till))
  return { till, customer }
}

/** 2 500 unless said otherwise, from the customer. */
const sale = (till: TestDevice, customer: string, over: Partial<Payment> = {}) =>
  till.payment({ sender: customer, ...over })

function refund(till: TestDevice, paid: Payment, amount: number, over: Partial<Payment> = {}): Payment {
  const [sender, receiver] = [paid.receiver, paid.sender]
  const back = { sender, receiver, amount: amountMinor(amount), refundOf: { counter: paid.counter } }
  return till.payment({ type: 'refund', ...back, ...over })
}

/** Each in a bundle of its own, after one another. */
async function bring(till: TestDevice, ...payments: readonly Payment[]) {
  for (const payment of payments) {
    world.network.send(world.admit(till, [payment]))
    await world.settle()
  }
}

async function paidSale() {
  const { till, customer } = await shop()
  const paid = sale(till, customer)
  const made = await till.bundle([paid], world.keySet)
  world.network.send(world.admitMade(made, [paid]))
  await world.settle()
  return { till, customer, paid, made }
}

const became = (deviceId: string) =>
  world.network.outcomes(deviceId).map(({ counter, status, reason }) => [counter, status, ...(reason ? [reason] : [])])
const fill = (till: TestDevice, balance: number) => db().open(till.ownerWallet, balance, { kind: 'merchant' })
const rest = async (wallet: string) => Number(await db().balance(wallet))

describe('a payment is given back', () => {
  test('whole: to the wallet that paid it, from the wallet that was paid', async () => {
    const { till, customer, paid } = await paidSale()
    await bring(till, refund(till, paid, 2500))
    expect([await rest(till.ownerWallet), await rest(customer)]).toEqual([0, 10_000])
    expect(became(till.id)).toEqual([
      [1, 'succeeded'],
      [2, 'succeeded'],
    ])
  })

  test('in the bundle that brings the payment itself, and in parts', async () => {
    const { till, customer } = await shop()
    const paid = sale(till, customer)
    const parts = [refund(till, paid, 1000), refund(till, paid, 1500)]
    world.network.send(world.admit(till, [paid, ...parts]))
    await world.settle()
    expect([await rest(till.ownerWallet), await rest(customer)]).toEqual([0, 10_000])
    expect(became(till.id).map(([, status]) => status)).toEqual(['succeeded', 'succeeded', 'succeeded'])
  })

  test('by another till of the same shop', async () => {
    const { till, customer, paid } = await paidSale()
    const other = await TestDevice.create(till.ownerWallet)
    world.network.send(world.facts(other))
    await bring(other, refund(other, paid, 2500, { refundOf: { deviceId: till.id, counter: paid.counter } }))
    expect(became(other.id)).toEqual([[1, 'succeeded']])
    expect(await rest(customer)).toBe(10_000)
  })

  test('never more than was paid, in however many parts', async () => {
    const { till, customer, paid } = await paidSale()
    await bring(till, refund(till, paid, 1500), refund(till, paid, 1001), refund(till, paid, 1000))
    expect(became(till.id)).toEqual([
      [1, 'succeeded'],
      [2, 'succeeded'],
      [3, 'failed', 'refund_above_payment'],
      [4, 'succeeded'],
    ])
    expect(await rest(customer)).toBe(10_000)
  })

  test('a refund that came before leaves no room for the next in the same bundle, one without funds does', async () => {
    const { till, customer, paid } = await paidSale()
    // The shop has spent 2 000 of it.
    const spent = till.payment({ type: 'p2p', sender: till.ownerWallet, receiver: customer, amount: amountMinor(2000) })
    const back = [refund(till, paid, 600), refund(till, paid, 500), refund(till, paid, 2000)]
    world.network.send(world.admit(till, [spent, ...back]))
    await world.settle()
    expect(became(till.id).slice(1)).toEqual([
      [2, 'succeeded'],
      [3, 'failed', 'insufficient_funds'],
      [4, 'succeeded'],
      [5, 'failed', 'insufficient_funds'],
    ])
  })

  test('once, however often its bundle comes', async () => {
    const { till, customer, paid } = await paidSale()
    const back = await world.admit(till, [refund(till, paid, 1000)])
    world.network.send(back, back)
    await world.settle()
    world.network.send(back)
    await world.settle()
    expect(await rest(customer)).toBe(8500)
  })
})

describe('what cannot be given back moves nothing', () => {
  test.each<readonly [string, (paid: Payment, till: TestDevice) => Partial<Payment>]>([
    ['to another wallet', () => ({ receiver: 'W-ACCOMPLICE' })],
    ['a payment of another shop', () => ({ refundOf: { deviceId: other.id, counter: 1 } })],
    ['its own payment out', (_, till) => ({ refundOf: { counter: till.counter - 2 } })],
    ['a void', (_, till) => ({ refundOf: { counter: till.counter - 3 } })],
  ])('%s', async (_, over) => {
    const { till, customer, paid } = await paidSale()
    till.counter++
    const out = till.payment({ type: 'p2p', sender: till.ownerWallet, receiver: customer, amount: amountMinor(1) })
    world.network.send(world.admit(till, [{ counter: out.counter - 1, voided: true }, out]))
    await world.settle()
    const before = await rest(till.ownerWallet)
    await bring(till, refund(till, paid, 100, over(paid, { ...till, counter: till.counter + 1 } as TestDevice)))
    expect(became(till.id).at(-1)).toEqual([4, 'failed', 'refund_not_possible'])
    expect(await rest(till.ownerWallet)).toBe(before)
  })

  let other: TestDevice
  beforeAll(async () => {
    const { till, customer } = await shop()
    await db().open('W-ACCOMPLICE', 0)
    await bring(till, sale(till, customer))
    other = till
  })

  test('a payment that failed', async () => {
    const { till, customer } = await shop()
    const [dear, cheap] = [sale(till, customer, { amount: amountMinor(20_000) }), sale(till, customer)]
    await bring(till, dear, cheap, refund(till, dear, 100))
    expect(became(till.id).at(-1)).toEqual([3, 'failed', 'refund_not_possible'])
  })

  test('a refund', async () => {
    const { till } = await shop()
    const buyer = await world.device('merchant', 10_000)
    world.network.send(world.facts(buyer))
    const paid = sale(till, buyer.ownerWallet)
    const back = refund(till, paid, 2500)
    await bring(till, paid, back)
    await bring(buyer, refund(buyer, back, 100, { refundOf: { deviceId: till.id, counter: back.counter } }))
    expect(became(buyer.id)).toEqual([[1, 'failed', 'refund_not_possible']])
  })

  test('a payment that people have reversed', async () => {
    const { till, customer, paid, made } = await paidSale()
    world.network.send(world.reversal(made, 1, 1))
    await world.settle()
    await fill(till, 5000)
    await bring(till, refund(till, paid, 2500))
    expect(became(till.id).at(-1)).toEqual([2, 'failed', 'refund_not_possible'])
    expect(await rest(customer)).toBe(10_000)
  })
})

describe('a refund waits for what it gives back', () => {
  test('that comes after it', async () => {
    const { till, customer } = await shop()
    const paid = sale(till, customer)
    const first = await world.admit(till, [paid])
    world.network.send(world.admit(till, [refund(till, paid, 2500)]))
    await world.settle()
    expect(became(till.id)).toEqual([])
    world.network.send(first)
    await world.settle()
    await world.settle()
    expect(became(till.id).toSorted()).toEqual([
      [1, 'succeeded'],
      [2, 'succeeded'],
    ])
    expect(await rest(customer)).toBe(10_000)
  })

  test('two hours, and then for people, who cannot make a payment of nothing', async () => {
    const { till } = await shop()
    const nothing = sale(till, newWallet())
    await fill(till, 5000)
    const back = refund(till, nothing, 2500, { refundOf: { counter: 1 } })
    const made = await till.bundle([back], world.keySet)
    world.network.send(world.admitMade(made, [back]))
    await world.settle()
    world.now += 2 * 3_600_000
    await world.settle()
    expect(became(till.id)).toEqual([[2, 'review', 'refund_not_possible']])
    world.network.send(world.review(made, 1, { 2: 'approve' }))
    await world.settle()
    expect(became(till.id).at(-1)).toEqual([2, 'failed', 'refund_not_possible'])
    expect(await rest(till.ownerWallet)).toBe(5000)
  })

  test('that waits for people: approved, it is given back once that has been paid', async () => {
    const { till, customer } = await shop()
    const held: DecisionException[] = [{ counter: 1, decision: 'review', reason: 'risk_review' }]
    const paid = sale(till, customer)
    const [first, second] = [await till.bundle([paid], world.keySet), refund(till, paid, 2500)]
    const back = await till.bundle([second], world.keySet)
    world.network.send(world.admitMade(first, [paid], { exceptions: held }))
    await world.settle()
    world.network.send(world.admitMade(back, [second]))
    await world.settle()
    expect(became(till.id).at(-1)).toEqual([2, 'review', 'refund_not_possible'])
    world.network.send(world.review(back, 1, { 2: 'approve' }))
    await world.settle()
    expect(became(till.id).at(-1)).toEqual([2, 'review', 'refund_not_possible'])
    world.network.send(world.review(first, 2, { 1: 'approve' }))
    await world.settle()
    await world.settle()
    expect(became(till.id).slice(-2)).toEqual([
      [1, 'succeeded'],
      [2, 'succeeded'],
    ])
    expect(await rest(customer)).toBe(10_000)
  })
})

describe('people reverse what refunds have left', () => {
  test('of a payment the rest, and of one that was given back nothing', async () => {
    const { till, customer, paid, made } = await paidSale()
    await bring(till, refund(till, paid, 1000))
    world.network.send(world.reversal(made, 1, 1))
    await world.settle()
    expect([await rest(till.ownerWallet), await rest(customer)]).toEqual([0, 10_000])
    const whole = await paidSale()
    await bring(whole.till, refund(whole.till, whole.paid, 2500))
    await fill(whole.till, 5000)
    world.network.send(world.reversal(whole.made, 1, 1))
    await world.settle()
    expect([await rest(whole.till.ownerWallet), await rest(whole.customer)]).toEqual([5000, 10_000])
  })

  test('a refund, and then its payment may be given back again; but not once its payment is reversed', async () => {
    const { till, customer, paid, made } = await paidSale()
    const [one, two] = [refund(till, paid, 2000), refund(till, paid, 500)]
    const backs = [await till.bundle([one], world.keySet), await till.bundle([two], world.keySet)] as const
    world.network.send(world.admitMade(backs[0], [one]), world.admitMade(backs[1], [two]))
    await world.settle()
    world.network.send(world.reversal(backs[0], 1, one.counter))
    await world.settle()
    expect([await rest(till.ownerWallet), await rest(customer)]).toEqual([2000, 8000])
    // Both at once: the payment first, and then there is nothing to take back of its other refund.
    world.network.send(world.reversal(backs[1], 2, two.counter), world.reversal(made, 3, paid.counter))
    await world.settle()
    await world.settle()
    expect([await rest(till.ownerWallet), await rest(customer)]).toEqual([0, 10_000])
    const { rows } = await db().app.query(
      'SELECT rev, result FROM offline_resolutions WHERE device_id = $1 ORDER BY rev',
      [till.id],
    )
    expect(rows).toEqual([
      { rev: 1, result: 'applied' },
      { rev: 2, result: 'not_reversible' },
      { rev: 3, result: 'applied' },
    ])
  })
})

test('two tills and people who reverse at the same time never give back more than was paid', async () => {
  const shops = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const one = await paidSale()
      const other = await TestDevice.create(one.till.ownerWallet)
      await fill(one.till, 20_000)
      world.network.send(world.facts(other))
      return { ...one, other }
    }),
  )
  await world.settle()
  for (const { till, other, paid, made } of shops) {
    const name: PaymentName = { deviceId: till.id, counter: paid.counter }
    const here = Array.from({ length: 3 }, () => refund(till, paid, 900))
    const there = Array.from({ length: 3 }, () => refund(other, paid, 900, { refundOf: name }))
    for (const one of here) world.network.send(world.admit(till, [one]))
    world.network.send(world.reversal(made, 1, paid.counter))
    for (const one of there) world.network.send(world.admit(other, [one]))
  }
  const counts = async () =>
    (
      await db().app.query(
        `SELECT count(*) AS n FROM offline_transactions WHERE type = 'refund' AND device_id = ANY ($1)`,
        [shops.flatMap(({ till, other }) => [till.id, other.id])],
      )
    ).rows[0]?.n
  await runThree(world, () => expect.poll(counts, EVENTUALLY).toBe(36))
  await world.settle()
  for (const { till, customer } of shops) {
    expect([await rest(till.ownerWallet), await rest(customer)]).toEqual([20_000, 10_000])
  }
})

test('a refund costs nobody a fee, and no tariff can say so', async () => {
  const tariff = "SELECT set_offline_fee('BJ', 'refund', 'XOF', 5, 0, 'payer', now())"
  await expect(db().owner.query(tariff)).rejects.toThrow('offline_fee_rules_type_check')
})
