import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { contentHash } from '../../../reconciler/settle/content-hash.ts'
import { verifyBook } from '../../../reconciler/verify/verify.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import type { ClaimChoice } from '../../../src/protocol/claims.ts'
import type { Debit } from '../../../src/protocol/debits.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { tamper } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { evidenceOf, makeWorld, type World } from '../kit.ts'

/** The holder of a wallet is told what became of what others took on the holder's word, then and later. */
const db = useDatabase()
let world: World
let shop: TestDevice
let phone: TestDevice

beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
beforeEach(async () => {
  shop = await world.device('merchant', 100)
  shop.signsForPayers = false
  phone = await world.device('customer', 10_000)
  world.network.send(world.facts(shop), world.facts(phone))
})
const findings = async () => {
  const evidence = await evidenceOf(world)
  const { findings } = await verifyBook({ pool: db().app, evidence, examplesMax: 3, onProgress: () => undefined })
  return findings.filter(({ found }) => found > 0).map(({ check }) => check)
}
afterEach(async () => expect(await findings()).toEqual([]))

const asked = (amount: number): Payment =>
  shop.payment({
    ...{ sender: phone.ownerWallet, amount: amountMinor(amount) },
    initiatedAtMs: Math.floor(world.now / 1000) * 1000,
  })
const sign = (payment: Payment, requestId = randomBytes(16)) => signedBy(phone, payment, { header: { requestId } })

/** Admitted in a bundle of their own. */
async function sell(payments: readonly Payment[], decision: 'accepted' | 'review' | 'claimed' = 'accepted') {
  const made = await shop.bundle(payments, world.keySet, { signedAtMs: Math.floor(world.now / 1000) * 1000 })
  const exceptions = payments.map(({ counter }) => ({ counter, decision }))
  world.network.send(
    await world.admitMade(made, payments, { exceptions: exceptions.filter(() => decision !== 'accepted') as never }),
  )
  return made
}

async function answer(claim: Payment, rev: number, choice: ClaimChoice): Promise<Uint8Array> {
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  const { counter, amount } = claim
  const about = { takerId: shop.id, counter, amount, contentHash: await contentHash(claim) }
  const signed = await signAnswer(phone, { ...about, choice, answeredAtMs: world.now })
  const message = { kind: 'claim_answer', deviceId: phone.id, rev, answer: signed, factsRev: 1 } as const
  return sealSettleMessage(message, async () => keys)
}

/** What a device was told last. */
function told(device = phone): readonly Debit[] {
  const last = world.network.confirmed.findLast((one) => one.kind === 'claims_open' && one.deviceId === device.id)
  return last?.kind === 'claims_open' ? last.debits : []
}
const shown = (device = phone) => told(device).map(({ counter, status, reason }) => [counter, status, reason])

test('what was signed is told as it was posted, or failed, by the request that was signed', async () => {
  const requestId = randomBytes(16)
  await sell([sign(asked(9000), requestId), sign(asked(9001))])
  await world.settle()
  const about = { takerId: shop.id, type: 'merchant', currency: 'XOF', receiver: shop.ownerWallet }
  expect(told()).toMatchObject([
    { ...about, counter: 1, amount: 9000, requestId, status: 'succeeded', statusAtMs: expect.any(Number) },
    { ...about, counter: 2, amount: 9001, status: 'failed', reason: 'insufficient_funds' },
  ])
  expect(told()[0]).not.toHaveProperty('reason')
})

test('what became of it later is told too: of a review, and of what was given back', async () => {
  const [payment] = [sign(asked(2000))]
  const made = await sell([payment as Payment], 'review')
  await world.settle()
  expect(shown()).toEqual([[1, 'review', undefined]])
  world.network.send(world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  expect(shown()).toEqual([[1, 'succeeded', undefined]])
  const before = told()[0]?.statusAtMs ?? 0
  world.network.send(world.reversal(made, 2, 1))
  await world.settle()
  expect(shown()).toEqual([[1, 'reversed', undefined]])
  expect(told()[0]?.statusAtMs).toBeGreaterThan(before)
})

test('a rejected one', async () => {
  const made = await sell([sign(asked(2000))], 'review')
  await world.settle()
  world.network.send(world.review(made, 1, { 1: 'reject' }))
  await world.settle()
  expect(shown()).toEqual([[1, 'failed', 'reviewer_rejected']])
})

test('a claim is told once its holder has said yes, without a request; one that was refused is none', async () => {
  const claims = [asked(2000), asked(9000), asked(1000)]
  const made = await sell(claims, 'claimed')
  await world.settle()
  expect(shown()).toEqual([])
  for (const [i, claim] of claims.entries()) {
    world.network.send(await answer(claim, i + 1, i === 2 ? 'refuse' : 'confirm'))
    await world.settle()
  }
  expect(shown()).toEqual([
    [2, 'failed', 'insufficient_funds'],
    [1, 'succeeded', undefined],
  ])
  expect(told().some((debit) => 'requestId' in debit)).toBe(false)
  world.network.send(world.reversal(made, 1, 1))
  await world.settle()
  expect(shown()).toContainEqual([1, 'reversed', undefined])
})

test('every device of the wallet is told, also a new one, and no device of another wallet', async () => {
  const second = await TestDevice.create(phone.ownerWallet)
  const [without, other] = [await TestDevice.create(phone.ownerWallet), await world.device('customer', 10_000)]
  without.hasConsent = false
  world.network.send(world.facts(second), world.facts(without), world.facts(other))
  await sell([sign(asked(2000))])
  await world.settle()
  const third = await TestDevice.create(phone.ownerWallet)
  world.network.send(world.facts(third))
  await world.settle()
  for (const device of [phone, second, third]) expect(shown(device)).toEqual([[1, 'succeeded', undefined]])
  for (const device of [without, other, shop]) expect(shown(device)).toEqual([])
})

test('a payer’s device that became known late', async () => {
  const late = await world.device('customer', 10_000)
  const payment = shop.payment({
    ...{ sender: late.ownerWallet, initiatedAtMs: Math.floor(world.now / 1000) * 1000 },
  })
  const made = await sell([signedBy(late, payment)])
  await world.settle()
  world.now += 3 * 3_600_000
  await world.settle()
  world.network.send(world.facts(late))
  await world.settle()
  expect(shown(late)).toEqual([])
  world.network.send(world.review(made, 1, { 1: 'approve' }))
  await world.settle()
  expect(shown(late)).toEqual([[1, 'succeeded', undefined]])
})

test('a signature that another payment has used up tells of that payment alone', async () => {
  const requestId = randomBytes(16)
  await sell([sign(asked(2000), requestId)])
  await sell([sign(asked(2000), requestId)])
  await world.settle()
  expect(shown()).toEqual([[1, 'succeeded', undefined]])
})

test('no more than a notice takes, the newest', async () => {
  for (let i = 0; i < 3; i++) {
    await sell(Array.from({ length: 17 }, () => sign(asked(1))))
    await world.settle()
  }
  const counters = told().map(({ counter }) => counter)
  expect(counters).toHaveLength(50)
  expect(counters[0]).toBe(35)
  expect(counters).not.toContain(17)
})

test('what is kept of a signature under another wallet is found, and told to nobody', async () => {
  const other = await world.device('customer', 10_000)
  world.network.send(world.facts(other))
  const made = await sell([sign(asked(2000))])
  await world.settle()
  const table = (change: string) => `UPDATE offline_payer_authorizations SET ${change} WHERE device_id = '${shop.id}'`
  await tamper(db().ownerUrl, table(`wallet = '${other.ownerWallet}'`))
  expect(await findings()).toEqual(['payer_authorizations'])
  world.network.send(world.reversal(made, 1, 1), world.facts(other, { rev: 2 }))
  await world.settle()
  expect(told(other)).toEqual([])
  await tamper(db().ownerUrl, table(`wallet = '${phone.ownerWallet}'`))
})
