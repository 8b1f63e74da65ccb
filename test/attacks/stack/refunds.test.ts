import { afterAll, beforeAll, expect, test } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { expectWithin, Market } from './market.ts'
import type { Thief } from './thief.ts'

/** A till that gives money back: an honest one, and one in the wrong hands that gives its shop's money to accomplices. */
const database = useDatabase()
let market: Market
beforeAll(async () => {
  market = await Market.start(database())
})
afterAll(() => market?.stop())

/** What a shop has before it sells anything. */
const TILL_MONEY = 100_000
const PAID = amountMinor(9_000)

/** A shop with two tills, and an accomplice who has bought something with his own phone. */
async function shop() {
  const [wallet = ''] = await market.wallets('merchant', 1, TILL_MONEY)
  const [buyer = ''] = await market.wallets('customer', 1)
  const [till, other] = [await market.thief(wallet, 'ops', 'ops-2'), await market.thief(wallet, 'ops', 'ops-2')]
  const phone = await market.phone(buyer)
  const paid = await sale(till, phone)
  return { wallet, buyer, till, other, phone, paid }
}

/** A payment that its payer has signed, and that the book has posted. */
async function sale(till: Thief, phone: Thief, amount = PAID): Promise<Payment> {
  const paid = signedBy(phone.device, till.takes(phone.wallet, { amount }))
  expect(await till.push([paid])).toBe('admitted')
  await market.rest(till.admitted)
  expect(await ends(till)).toContain('succeeded')
  return paid
}

/** @param name of the payment, when another till took it */
function refund(till: Thief, paid: Payment, amount: number, over: Partial<Payment> = {}): Payment {
  const [sender, receiver] = [paid.receiver, paid.sender]
  const back = { type: 'refund', receiver, amount: amountMinor(amount), refundOf: { counter: paid.counter } } as const
  return till.takes(sender, { ...back, ...over })
}
const by = ({ device }: Thief, { counter }: Payment) => ({ refundOf: { deviceId: device.id, counter } })

/** What became of each payment of a till, in the order of its counters. */
async function ends({ device }: Thief): Promise<readonly string[]> {
  const { rows } = await market.book.query<{ end: string }>(
    'SELECT coalesce(reason, status) AS end FROM offline_transactions WHERE device_id = $1 ORDER BY counter',
    [device.id],
  )
  return rows.map(({ end }) => end)
}

/** What a wallet has more than it had at first. */
const gained = async (wallet: string) => 0 - (await market.missing([wallet]))

test('an honest refund: a part, and then the rest, by the till itself and by another of the shop', async () => {
  const { wallet, buyer, till, other, paid } = await shop()
  expect([await gained(wallet), await gained(buyer)]).toEqual([9_000, -9_000])
  expect(await till.push([refund(till, paid, 2_500)])).toBe('admitted')
  await market.rest(till.admitted)
  expect([await gained(wallet), await gained(buyer)]).toEqual([6_500, -6_500])
  expect(await other.push([refund(other, paid, 6_500, by(till, paid))])).toBe('admitted')
  await market.rest(other.admitted)
  expect([await gained(wallet), await gained(buyer)]).toEqual([0, 0])
  expect([await ends(till), await ends(other)]).toEqual([['succeeded', 'succeeded'], ['succeeded']])
})

test('an honest refund of the whole, in the bundle that brings the payment', async () => {
  const { wallet, buyer, till, phone } = await shop()
  const paid = signedBy(phone.device, till.takes(buyer, { amount: PAID }))
  expect(await till.push([paid, refund(till, paid, PAID)])).toBe('admitted')
  await market.rest(till.admitted)
  expect(await ends(till)).toEqual(['succeeded', 'succeeded', 'succeeded'])
  expect([await gained(wallet), await gained(buyer)]).toEqual([9_000, -9_000])
})

test('a till that gives back what it must not: never more than was paid', async () => {
  const { wallet, buyer, till, other, paid } = await shop()
  const foreign = await shop()
  const [friend = ''] = await market.wallets('customer', 1)
  const claim = till.takes(friend, { amount: PAID })
  expect(await till.push([claim])).toBe('admitted')
  await market.rest(till.admitted)
  const bad: readonly Payment[] = [
    refund(till, paid, PAID + 1),
    refund(till, paid, 100, { receiver: friend }),
    refund(till, foreign.paid, 100, by(foreign.till, foreign.paid)),
    refund(till, paid, 100, { ...by(foreign.till, foreign.paid) }),
    // Out of the other shop, into this one and to a friend.
    refund(till, paid, 100, { sender: foreign.wallet, ...by(foreign.till, foreign.paid) }),
    refund(till, paid, 100, { sender: foreign.wallet, receiver: friend, ...by(foreign.till, foreign.paid) }),
    refund(till, paid, 100, { sender: buyer, receiver: wallet }),
    // Of a claim that nobody has confirmed.
    refund(till, claim, 100),
    refund(till, paid, 100, { refundOf: { deviceId: till.device.id, counter: paid.counter } }),
  ]
  for (const one of bad) await till.push([one])
  // Twice the whole at once, from two tills: after all of that there is room for it once.
  await Promise.all([till.push([refund(till, paid, PAID)]), other.push([refund(other, paid, PAID, by(till, paid))])])
  await market.rest([...till.admitted, ...other.admitted])
  expectWithin('a till that gives back what it must not, to the buyer', (await gained(buyer)) + PAID, PAID)
  expectWithin('a till that gives back what it must not, to a friend', await gained(friend), 0)
  expectWithin(
    'a till that gives back what it must not, of another shop',
    await market.missing([foreign.wallet]),
    -PAID,
  )
  expect([await gained(wallet), await gained(buyer)], 'the whole was given back once').toEqual([0, 0])
})

test('a refund of a refund: nothing', async () => {
  const { wallet, till } = await shop()
  const [ownBuyer = ''] = await market.wallets('merchant', 1)
  const partner = await market.thief(ownBuyer, 'ops', 'ops-2')
  const paid = await sale(till, partner)
  const back = refund(till, paid, PAID)
  await till.push([back])
  await market.rest(till.admitted)
  const before = [await gained(wallet), await gained(ownBuyer)]
  expect(before).toEqual([9_000, 0])
  await partner.push([refund(partner, back, PAID, by(till, back))])
  await till.push([refund(till, back, PAID, { sender: wallet, receiver: ownBuyer })])
  await market.rest([...till.admitted, ...partner.admitted])
  expectWithin('a refund of a refund', Math.abs((await gained(ownBuyer)) - (before[1] ?? 0)), 0)
  expect([await gained(wallet), await gained(ownBuyer)]).toEqual(before)
})
