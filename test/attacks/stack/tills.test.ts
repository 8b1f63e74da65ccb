import { afterAll, beforeAll, expect, test } from 'vitest'
import { contentHash } from '../../../reconciler/settle/content-hash.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { firstPolicy } from '../../../src/protocol/first-policies.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { DAY_MS, MINUTE_MS } from '../../../src/protocol/time.ts'
import { approve } from '../../kit/approval.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import { until } from '../../kit/journey.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { expectWithin, Market } from './market.ts'
import type { Thief } from './thief.ts'

/** A till in the wrong hands: stolen unlocked, a crooked merchant's, or copied. */
const database = useDatabase()
let market: Market
beforeAll(async () => {
  market = await Market.start(database())
})
afterAll(() => market?.stop())

const POLICY = firstPolicy('SN')
const SMALL = amountMinor(5000)
const ago = (ms: number) => Math.floor((Date.now() - ms) / 1000) * 1000

/** What a payment out of a victim's wallet says, beside its sender: each a way to the money of people who said nothing. */
const WAYS: Readonly<Record<string, (friend: string) => Partial<Payment> & { readonly amount: Payment['amount'] }>> = {
  'a small sum to the till': () => ({ amount: amountMinor(POLICY.requirePayerProofAbove) }),
  'one more franc': () => ({ amount: amountMinor(POLICY.requirePayerProofAbove + 1) }),
  'all that there is': () => ({ amount: amountMinor(POLICY.maxOfflineAmount) }),
  'to a friend': (friend) => ({ amount: SMALL, type: 'p2p', receiver: friend }),
  'as cash': () => ({ amount: SMALL, type: 'cashout' }),
  'as cash that was brought': () => ({ amount: SMALL, type: 'cashin' }),
  'by an agent': () => ({ amount: SMALL, type: 'agent' }),
  'with a word that is no word': () => ({ amount: amountMinor(50_000), authorization: new Uint8Array(90) }),
  'of yesterday': () => ({ amount: SMALL, initiatedAtMs: ago(DAY_MS) }),
  'of three days ago': () => ({ amount: SMALL, initiatedAtMs: ago(3 * DAY_MS - MINUTE_MS) }),
  'of tomorrow': () => ({ amount: SMALL, initiatedAtMs: ago(-DAY_MS) }),
}

test.each(['merchant', 'agent', 'customer'] as const)(
  'of a %s moves nothing out of wallets whose holders said nothing',
  async (kind) => {
    const victims = await market.wallets('customer', 10)
    const [own = '', friend = ''] = await market.wallets(kind, 2)
    const thief = await market.thief(own, 'ops', 'ops-2')
    const words: string[] = []
    for (const how of [{}, { relay: true }, { hole: true }]) {
      for (const way of Object.values(WAYS)) {
        words.push(
          await thief.push(
            victims.map((victim) => thief.takes(victim, way(friend))),
            how,
          ),
        )
      }
    }
    expect(words, 'the attack reached the book').toContain('admitted')
    await market.rest(thief.admitted)
    expectWithin(`a till of a ${kind} against ten wallets`, await market.missing(victims), 0)
  },
)

/** What a crooked till has instead of an agent's word: its customers sign what they pay, and no agent has ever been asked. */
type Story = (payment: Payment, thief: Thief, others: Others) => Promise<Uint8Array> | Uint8Array
interface Others {
  /** Of a customer, and of an agent whom one administrator has registered alone. */
  readonly customer: Thief
  readonly unasked: Thief
  /** An agent who has approved something small, of another till. */
  readonly agent: Thief
}
const APPROVALS: Readonly<Record<string, Story>> = {
  'a reference': () => new TextEncoder().encode('AGENT-7'),
  'its form without a signature': async (payment, { device }, { agent }) =>
    (await approve(agent.device, payment, device.id)).fill(0, -64),
  'its own': (payment, { device }) => approve(device, payment, device.id),
  'its own in the agent’s name': (payment, { device }, { agent }) =>
    approve(Object.assign(Object.create(device), { id: agent.device.id, kid: agent.device.kid }), payment, device.id),
  'one by a customer’s phone': (payment, { device }, { customer }) => approve(customer.device, payment, device.id),
  'one by a phone of no consent': (payment, { device }, { unasked }) => approve(unasked.device, payment, device.id),
  'one of a small payment': (payment, { device }, { agent }) =>
    approve(agent.device, payment, device.id, { over: { amount: SMALL } }),
  'one for another till': (payment, _, { agent, customer }) => approve(agent.device, payment, customer.device.id),
  'one of yesterday': (payment, { device }, { agent }) =>
    approve(agent.device, payment, device.id, { signedAtMs: payment.initiatedAtMs - DAY_MS }),
}

test('makes up an agent’s approvals: nothing above the limit moves', async () => {
  const [shop = ''] = await market.wallets('merchant', 1, 0)
  const [ofAgent = '', ofOther = ''] = await market.wallets('agent', 2, 0)
  const [ofCustomer = ''] = await market.wallets('customer', 1, 0)
  const payers = await market.wallets('customer', 2 * Object.keys(APPROVALS).length)
  const thief = await market.thief(shop, 'ops', 'ops-2')
  const others = {
    customer: await market.phone(ofCustomer),
    unasked: await market.thief(ofOther, 'crooked-admin'),
    agent: await market.thief(ofAgent, 'ops', 'ops-2'),
  }
  const amount = amountMinor(POLICY.requireAgentApprovalAbove + 1)
  const payments: Payment[] = []
  for (const [i, story] of [...Object.values(APPROVALS), ...Object.values(APPROVALS)].entries()) {
    const payer = payers[i] ?? ''
    const phone = await market.phone(payer)
    const asked = thief.takes(payer, { amount })
    const signed = signedBy(phone.device, asked)
    payments.push({ ...signed, approval: await story(signed, thief, others) })
  }
  // Half of them together, half of them one by one.
  const [together, alone] = [payments.slice(0, payments.length / 2), payments.slice(payments.length / 2)]
  const words = [await thief.push(together)]
  for (const payment of alone) words.push(await thief.push([payment]))
  expect(words, 'the attack reached the book').toContain('admitted')
  await market.rest(thief.admitted)
  expectWithin('a till that makes up approvals', await market.missing(payers), 0)
  // The road is open: with the agent's word the same payment moves.
  const [payer = ''] = await market.wallets('customer', 1)
  const phone = await market.phone(payer)
  const asked = thief.takes(payer, { amount })
  const signed = signedBy(phone.device, asked)
  await thief.push([{ ...signed, approval: await approve(others.agent.device, signed, thief.device.id) }])
  await market.rest(thief.admitted)
  expect(await market.missing([payer])).toBe(Number(amount))
})

/** What a victim's phone says to the edge about a claim on the victim's wallet. @returns the status of the answer */
async function says(phone: Thief, till: Thief, claim: Payment): Promise<number> {
  const { counter, amount } = claim
  const about = { takerId: till.device.id, counter, amount, contentHash: await contentHash(claim) }
  const answer = await signAnswer(phone.device, { ...about, choice: 'confirm', answeredAtMs: Date.now() })
  const { status } = await fetch(`${market.stack.edge.url}/offline/claims/answer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ answer: toBase64url(answer) }),
  })
  return status
}

test('is revoked: who is talked into a yes after that pays nothing, and a yes at that very moment is one end', async () => {
  const [own = ''] = await market.wallets('merchant', 1, 0)
  const payers = await market.wallets('customer', 12)
  const till = await market.thief(own, 'ops', 'ops-2')
  const phones = await Promise.all(payers.map((wallet) => market.phone(wallet)))
  const claims = payers.map((payer) => till.takes(payer, { amount: SMALL }))
  expect(await till.push(claims)).toBe('admitted')
  await market.rest(till.admitted)
  const answer = (no: number) => says(phones[no] as Thief, till, claims[no] as Payment)
  // Two had said yes before the till was stolen, four say it as it is revoked, and the others are talked into it later.
  await Promise.all([0, 1].map((no) => until(async () => (await answer(no)) === 200)))
  await until(async () => (await market.missing(payers)) === 2 * Number(SMALL))
  const path = `/offline/devices/${till.device.id}/revoke`
  const [revoked, ...meanwhile] = await Promise.all([
    market.ask('ops', 'pay_admin', 'POST', path, { reason: 'stolen' }),
    ...[2, 3, 4, 5].map(answer),
  ])
  expect(revoked).toMatchObject({ status: 'revoked', ended: { reviews: 0 } })
  const ends = async () => {
    const { rows } = await market.book.query<{
      counter: string
      status: string
      reason: string | null
      ended: boolean
    }>(
      `SELECT t.counter, t.status, t.reason, coalesce(d.result IS NOT NULL, false) AS ended FROM offline_transactions t
       LEFT JOIN offline_resolutions d USING (device_id, counter) WHERE t.device_id = $1 ORDER BY t.counter`,
      [till.device.id],
    )
    return rows
  }
  await until(async () => (await ends()).filter(({ ended }) => ended).length >= 10)
  const [before, after] = [await market.missing(payers), [6, 7, 8, 9, 10, 11]]
  // Nobody is asked any more, as soon as the phone's object has heard so.
  const later = await Promise.all(after.map(answer))
  for (const status of later) expect([200, 409]).toContain(status)
  const kept = 2 + [...meanwhile, ...later].filter((status) => status === 200).length
  await until(async () => {
    const { rows } = await market.book.query(
      'SELECT 1 FROM offline_claim_answers WHERE device_id = $1 AND result IS NOT NULL',
      [till.device.id],
    )
    return rows.length === kept
  })
  await market.rest(till.admitted)
  expectWithin('a revoked till, of those who say yes afterwards', (await market.missing(payers)) - before, 0)
  const paid = (await ends()).filter(({ status }) => status === 'succeeded')
  const failed = (await ends()).filter(({ status, reason }) => status === 'failed' && reason === 'device_revoked')
  expect(paid.length + failed.length).toBe(payers.length)
  expect(paid.length).toBeGreaterThanOrEqual(2)
  expect(paid.length).toBeLessThanOrEqual(6)
  expect(await market.missing(payers)).toBe(paid.length * Number(SMALL))
})

test('takes of its own wallet what may come unseen, over all days that it can name', async () => {
  const [own = ''] = await market.wallets('merchant', 1, 5_000_000)
  const [friend = ''] = await market.wallets('customer', 1, 0)
  const thief = await market.thief(own, 'ops', 'ops-2')
  const BIG = { amount: amountMinor(40_000) }
  for (let day = 3; day >= 0; day--) {
    for (let n = 0; n < 8; n++) {
      const initiatedAtMs = ago(day * DAY_MS - (day === 3 ? 10 * MINUTE_MS : 0))
      await thief.push(
        Array.from({ length: 10 }, () => thief.takes(own, { ...BIG, type: 'p2p', receiver: friend, initiatedAtMs })),
      )
    }
  }
  await market.rest(thief.admitted)
  expectWithin(
    'a stolen till, of its own wallet',
    await market.missing([own], 5_000_000),
    POLICY.maxOfflineValueBetweenSyncs,
  )
})
