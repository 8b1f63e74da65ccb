import { afterAll, beforeAll, expect, test } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { until } from '../../kit/journey.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { expectWithin, Market } from './market.ts'
import type { Thief } from './thief.ts'

/** Refunds of what people reverse. */
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

test('a refund of a payment that people have reversed, and a reversal at the moment of a refund: once', async () => {
  const { wallet, buyer, till, other, phone, paid } = await shop()
  const reverse = (one: Payment) =>
    market.ask('auditor', 'pay_reviewer', 'POST', `/offline/transactions/${till.device.id}/${one.counter}/reverse`, {
      reason: 'duplicate',
    })
  const reversed = async () => {
    const { rows } = await market.book.query(
      'SELECT 1 FROM offline_resolutions WHERE device_id = $1 AND result IS NOT NULL',
      [till.device.id],
    )
    return rows.length
  }
  await until(async () => (await reverse(paid)).status < 300)
  await until(async () => (await reversed()) === 1)
  expect(await gained(buyer)).toBe(0)
  await till.push([refund(till, paid, PAID)])
  await other.push([refund(other, paid, PAID, by(till, paid))])
  await market.rest([...till.admitted, ...other.admitted])
  expectWithin('refunds of a payment that was reversed', await gained(buyer), 0)
  const next = await sale(till, phone)
  await Promise.all([
    until(async () => (await reverse(next)).status < 300),
    till.push([refund(till, next, PAID)]),
    other.push([refund(other, next, PAID, by(till, next))]),
  ])
  await until(async () => (await reversed()) === 2)
  await market.rest([...till.admitted, ...other.admitted])
  expectWithin('refunds and a reversal at once', await gained(buyer), 0)
  expect([await gained(wallet), await gained(buyer)]).toEqual([0, 0])
})
