import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { contentHash } from '../../../reconciler/settle/content-hash.ts'
import { verifyBook } from '../../../reconciler/verify/verify.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import type { ClaimAnswer, ClaimChoice } from '../../../src/protocol/claims.ts'
import type { StatedConsent } from '../../../src/protocol/messages.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import { type Made, TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { evidenceOf, makeWorld, newWallet, type World } from '../kit.ts'

/** Payments without their payer's word: nothing moves before the holder of the wallet has said yes. */
const db = useDatabase()
const HOUR = 3_600_000
let world: World
let shop: TestDevice
let phone: TestDevice
/** Taken by the shop from the phone's wallet, without its word. */
let taken: Payment
let made: Made

beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())
beforeEach(async () => {
  shop = await world.device()
  shop.signsForPayers = false
  phone = await world.device('customer', 10_000)
  world.network.send(world.facts(shop), world.facts(phone))
  taken = shop.payment({ sender: phone.ownerWallet, initiatedAtMs: now() })
  made = await shop.bundle([taken], world.keySet)
  answers = 0
})
afterEach(async () => {
  const evidence = await evidenceOf(world)
  const { findings } = await verifyBook({ pool: db().app, evidence, examplesMax: 3, onProgress: () => undefined })
  expect(findings.filter(({ found }) => found > 0)).toEqual([])
})

const now = () => Math.floor(world.now / 1000) * 1000
const admitted = (over = {}) => world.admitMade(made, [taken], { exceptions: [CLAIMED], status: 'claimed', ...over })
const CLAIMED = { counter: 1, decision: 'claimed' } as const

let answers = 0
/** The message that brings an answer. */
async function answer(
  choice: ClaimChoice,
  over: Partial<ClaimAnswer> = {},
  by = phone,
  factsRev = 1,
): Promise<Uint8Array> {
  const { counter, amount } = taken
  const about = { takerId: shop.id, counter, amount, contentHash: await contentHash(taken) }
  const signed = await signAnswer(by, { ...about, choice, answeredAtMs: world.now, ...over })
  return answerMessage(by, signed, factsRev)
}
async function answerMessage(by: TestDevice, signed: Uint8Array, factsRev = 1): Promise<Uint8Array> {
  const rev = ++answers
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  const message = { kind: 'claim_answer', deviceId: by.id, rev, answer: signed, factsRev } as const
  return sealSettleMessage(message, async () => keys)
}

const statusOf = async () => {
  const { rows } = await db().app.query('SELECT status, reason FROM offline_transactions WHERE device_id = $1', [
    shop.id,
  ])
  return rows.map(({ status, reason }) => (reason ? `${status}: ${reason}` : status))
}
const resultsOf = async () => {
  const { rows } = await db().app.query('SELECT result FROM offline_claim_answers WHERE device_id = $1 ORDER BY id', [
    shop.id,
  ])
  return rows.map(({ result }) => result)
}
/** What the phone was told last of the claims on its wallet. */
const toldPhone = () =>
  world.network.confirmed
    .flatMap((one) => (one.kind === 'claims_open' && one.deviceId === phone.id ? [one] : []))
    .at(-1)
    ?.claims.map(({ takerId, counter, amount, receiver }) => ({ takerId, counter, amount, receiver }))
const nothingMoved = async () => {
  expect(await db().balance(phone.ownerWallet)).toBe(10_000)
  expect(await db().balance(shop.ownerWallet)).toBe(0)
  const { rows } = await db().app.query('SELECT held_minor FROM wallet_core.accounts WHERE wallet_id = $1', [
    phone.ownerWallet,
  ])
  expect(rows).toEqual([{ held_minor: 0 }])
}

test('a claim holds and moves nothing; its taker and its payer are told', async () => {
  world.network.send(admitted())
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  await nothingMoved()
  expect(world.network.outcomes(shop.id).map(({ status }) => status)).toEqual(['claimed'])
  const { receiver } = taken
  expect(toldPhone()).toEqual([{ takerId: shop.id, counter: 1, amount: 2500, receiver }])
})

test('confirmed it is posted, once, however often the answer comes', async () => {
  world.network.send(admitted())
  await world.settle()
  const message = await answer('confirm')
  world.network.send(message, message)
  await world.settle()
  answers = 0
  world.network.send(answer('confirm'), message)
  await world.settle()
  expect(await statusOf()).toEqual(['succeeded'])
  expect(await db().balance(phone.ownerWallet)).toBe(7500)
  expect(world.network.outcomes(shop.id).at(-1)).toMatchObject({ counter: 1, status: 'succeeded' })
  expect(toldPhone()).toEqual([])
  expect(world.network.confirmed).toContainEqual({ kind: 'answer_recorded', deviceId: phone.id, rev: 1 })
})

test('refused it fails, and nothing has moved', async () => {
  world.network.send(admitted())
  await world.settle()
  world.network.send(answer('refuse'))
  await world.settle()
  expect(await statusOf()).toEqual(['failed: payer_refused'])
  await nothingMoved()
  expect(toldPhone()).toEqual([])
})

test('silent for 72 hours since the edge had it, it ends; a yes that comes then is too late', async () => {
  const receivedAtMs = world.now
  world.network.send(admitted({ receivedAtMs }))
  await world.settle()
  world.now = receivedAtMs + 72 * HOUR - 600_000
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  world.now = receivedAtMs + 72 * HOUR
  await world.settle()
  expect(await statusOf()).toEqual(['failed: payer_did_not_confirm'])
  world.network.send(answer('confirm'))
  await world.settle()
  expect(await statusOf()).toEqual(['failed: payer_did_not_confirm'])
  expect(await resultsOf()).toEqual(['too_late'])
  await nothingMoved()
})

test('a claim that cannot end holds up those of no other till, and ends later', async () => {
  const other = await world.device()
  other.signsForPayers = false
  const theirs = other.payment({ sender: phone.ownerWallet, initiatedAtMs: now() })
  const receivedAtMs = world.now
  const over = { exceptions: [CLAIMED], status: 'claimed', receivedAtMs } as const
  world.network.send(world.facts(other), admitted({ receivedAtMs }))
  world.network.send(world.admitMade(await other.bundle([theirs], world.keySet), [theirs], over))
  await world.settle()
  const broken = `CHECK (device_id <> '${shop.id}' OR status = 'claimed')`
  await db().owner.query(`ALTER TABLE offline_transactions ADD CONSTRAINT never_ends ${broken}`)
  world.now = receivedAtMs + 72 * HOUR
  await world.settle()
  expect(world.network.outcomes(other.id).at(-1)).toMatchObject({ status: 'failed', reason: 'payer_did_not_confirm' })
  expect(await statusOf()).toEqual(['claimed'])
  await db().owner.query('ALTER TABLE offline_transactions DROP CONSTRAINT never_ends')
  await world.settle()
  expect(await statusOf()).toEqual(['failed: payer_did_not_confirm'])
})

test('a yes waits while settlement is halted, and is posted once it goes on', async () => {
  world.network.send(admitted())
  await world.settle()
  await db().owner.query("SELECT halt_settlement('a test found it wrong')")
  world.network.send(answer('confirm'))
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  await nothingMoved()
  await db().owner.query('UPDATE settlement_halts SET ended_at = now() WHERE ended_at IS NULL')
  await world.settle()
  expect(await statusOf()).toEqual(['succeeded'])
})

test('recorded in time a yes counts, though nobody looked before the time was over', async () => {
  const receivedAtMs = world.now
  world.network.send(answer('confirm'))
  await world.settle()
  world.now = receivedAtMs + 80 * HOUR
  world.network.send(admitted({ receivedAtMs }))
  await world.settle()
  expect(await statusOf()).toEqual(['succeeded'])
})

test('an answer may come before its bundle', async () => {
  world.network.send(answer('refuse'))
  await world.settle()
  world.network.send(admitted())
  await world.settle()
  expect(await statusOf()).toEqual(['failed: payer_refused'])
})

test('of two answers that contradict each other the first that is recorded counts', async () => {
  world.network.send(answer('refuse'))
  await world.settle()
  world.network.send(answer('confirm'))
  await world.settle()
  world.network.send(admitted())
  await world.settle()
  expect(await statusOf()).toEqual(['failed: payer_refused'])
  expect(await resultsOf()).toEqual(['applied', 'superseded'])
  await nothingMoved()
})

test('a claim is judged when it is confirmed: by the money that is there then', async () => {
  world.network.send(admitted())
  await world.settle()
  await db().owner.query('UPDATE wallet_core.accounts SET frozen = true WHERE wallet_id = $1', [phone.ownerWallet])
  world.network.send(answer('confirm'))
  await world.settle()
  expect(await statusOf()).toEqual(['failed: wallet_frozen'])
  await nothingMoved()
})

test('without the money a confirmed claim fails, and the payer owes nothing', async () => {
  taken = shop.payment({ counter: 1, sender: phone.ownerWallet, amount: amountMinor(9_999), initiatedAtMs: now() })
  shop.seq = 1
  made = await shop.bundle([taken], world.keySet, { prev: made.header.prev })
  world.network.send(admitted())
  await world.settle()
  const other = await world.device()
  world.network.send(world.facts(other))
  const first = other.payment({ sender: phone.ownerWallet, amount: amountMinor(5_000), initiatedAtMs: now() })
  world.network.send(world.admit(other, [signedBy(phone, first)]))
  await world.settle()
  world.network.send(answer('confirm'))
  await world.settle()
  expect(await statusOf()).toEqual(['failed: insufficient_funds'])
  expect(await db().balance(phone.ownerWallet)).toBe(5_000)
})

test('a claim on a wallet that there is not ends at once', async () => {
  taken = { ...taken, sender: newWallet() }
  shop.seq = 1
  made = await shop.bundle([taken], world.keySet, { prev: made.header.prev })
  world.network.send(admitted())
  await world.settle()
  expect(await statusOf()).toEqual(['failed: unknown_wallet'])
})

test('nobody but a device of the wallet can say yes', async () => {
  const [thief, second] = [await world.device('customer'), await world.device('customer')]
  world.network.send(admitted(), world.facts(thief), world.facts(second))
  await world.settle()
  world.network.send(answer('confirm', {}, thief), answer('confirm', {}, shop))
  await world.settle()
  // With the phone's name and a key of one's own.
  const stranger = await TestDevice.create(phone.ownerWallet)
  const named = Object.assign(await TestDevice.create(phone.ownerWallet), { signer: stranger.signer, kid: phone.kid })
  Object.defineProperty(named, 'id', { value: phone.id })
  world.network.send(answer('confirm', {}, named))
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  expect(await resultsOf()).toEqual(['not_the_holder', 'not_the_holder'])
  await nothingMoved()
  const { rows } = await db().app.query(
    "SELECT last_error FROM offline_sync_queue WHERE status = 'parked' AND device_id = $1",
    [phone.id],
  )
  expect(rows).toEqual([{ last_error: 'invalid_signature' }])
})

test('a yes to another amount, or to another payment, is none', async () => {
  world.network.send(admitted())
  await world.settle()
  world.network.send(
    answer('confirm', { amount: amountMinor(100) }),
    answer('confirm', { contentHash: new Uint8Array(32).fill(7) }),
  )
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  expect(await resultsOf()).toEqual(['other_payment', 'other_payment'])
  world.network.send(answer('confirm'))
  await world.settle()
  expect(await statusOf()).toEqual(['succeeded'])
})

test('two people of a tenant speak for no customer: their device is asked about nothing, and its yes is none', async () => {
  const theirs = Object.assign(await world.device('customer', 10_000), { isTenants: true })
  phone = theirs
  taken = shop.payment({ sender: theirs.ownerWallet, initiatedAtMs: now() })
  made = await shop.bundle([taken], world.keySet, { seq: 1 })
  world.network.send(await world.facts(theirs))
  await world.settle()
  world.network.send(await admitted({ exceptions: [{ counter: taken.counter, decision: 'claimed' }] }))
  await world.settle()
  expect(toldPhone()).toBeUndefined()
  world.network.send(await answer('confirm'))
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  expect(await resultsOf()).toEqual(['not_authorised'])
  await nothingMoved()
})

test('a phone that is stopped says nothing, and another of the wallet may', async () => {
  world.network.send(admitted())
  await world.settle()
  world.network.send(world.facts(phone, { rev: 2, status: 'suspended' }))
  await world.settle()
  world.network.send(answer('confirm'))
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  expect(await resultsOf()).toEqual(['not_authorised'])
  const newer = await TestDevice.create(phone.ownerWallet)
  world.network.send(world.facts(newer))
  await world.settle()
  const told = world.network.confirmed.findLast((one) => one.kind === 'claims_open' && one.deviceId === newer.id)
  expect(told, 'a new device of the wallet is asked').toMatchObject({ claims: [{ counter: 1 }] })
  world.network.send(answer('refuse', {}, newer))
  await world.settle()
  expect(await statusOf()).toEqual(['failed: payer_refused'])
})

test('a device that another tenant registered for the wallet is told nothing, and its yes is nobody’s', async () => {
  const outsider = await TestDevice.create(phone.ownerWallet)
  world.network.send(world.facts(outsider, { tenant: 'autre' }), admitted())
  await world.settle()
  const isTold = world.network.confirmed.some((one) => one.kind === 'claims_open' && one.deviceId === outsider.id)
  expect(isTold).toBe(false)
  world.network.send(answer('confirm', {}, outsider))
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  expect(await resultsOf()).toEqual(['not_authorised'])
  await nothingMoved()
})

describe('an answer of a phone that has been given another consent', () => {
  let withdrawn: StatedConsent
  const tell = async (rev: number, consents: readonly StatedConsent[]) => {
    world.network.send(world.facts(phone, { rev, consents }))
    await world.settle()
  }
  beforeEach(async () => {
    world.network.send(admitted())
    withdrawn = { ...(await world.consent(phone)), withdrawnAtMs: world.now }
    await tell(2, [withdrawn])
    world.network.send(answer('confirm', {}, phone, 3))
    await world.settle()
    expect(await statusOf(), 'the facts by which the edge took it are on their way').toEqual(['claimed'])
    expect(await resultsOf()).toEqual([])
  })

  test('counts once the book knows of the consent', async () => {
    await tell(3, [withdrawn, await world.consent(phone, { givenAtMs: world.now })])
    expect(await statusOf()).toEqual(['succeeded'])
  })

  test('is nobody’s when that consent was withdrawn too before the book had the answer', async () => {
    const newer = { ...(await world.consent(phone, { givenAtMs: world.now })), withdrawnAtMs: world.now + 1 }
    await tell(4, [withdrawn, newer])
    expect(await statusOf()).toEqual(['claimed'])
    expect(await resultsOf()).toEqual(['not_authorised'])
    await nothingMoved()
  })
})

test('people who approve it let it go on to its payer, and no further', async () => {
  const exceptions = [{ counter: 1, decision: 'review', reason: 'risk_review' }] as const
  world.network.send(admitted({ exceptions, status: 'review' }))
  await world.settle()
  world.network.send(world.review(made, 1, { 1: 'approve' }, { actors: ['user:anna', 'user:bo'] }))
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  expect(toldPhone()).toHaveLength(1)
  await nothingMoved()
  world.network.send(answer('confirm'))
  await world.settle()
  expect(await statusOf()).toEqual(['succeeded'])
})

test('an answer whose review is still open waits for it', async () => {
  const exceptions = [{ counter: 1, decision: 'review', reason: 'risk_review' }] as const
  world.network.send(admitted({ exceptions, status: 'review' }), answer('confirm'))
  await world.settle()
  expect(await statusOf()).toEqual(['review: risk_review'])
  await nothingMoved()
  world.network.send(world.review(made, 1, { 1: 'reject' }))
  await world.settle()
  expect(await statusOf()).toEqual(['failed: reviewer_rejected'])
  expect(await resultsOf()).toEqual(['not_claimed'])
})

test('what the edge called accepted, and nobody signed, is a claim here', async () => {
  world.network.send(admitted({ exceptions: [], status: 'pushed' }))
  await world.settle()
  expect(await statusOf()).toEqual(['claimed'])
  await nothingMoved()
})

test('two reconcilers that end claims at once post each once', async () => {
  const [a, b] = [await world.reconciler(), await world.reconciler()]
  world.network.send(admitted(), answer('confirm'))
  await Promise.all([a.once(), b.once()])
  await world.settle(a)
  expect(await statusOf()).toEqual(['succeeded'])
  expect(await db().balance(phone.ownerWallet)).toBe(7500)
})

test('a claim that succeeded can be reversed like any payment', async () => {
  world.network.send(admitted(), answer('confirm'))
  await world.settle()
  world.network.send(world.reversal(made, 1, 1))
  await world.settle()
  expect(await statusOf()).toEqual(['reversed'])
  await nothingMoved()
})
