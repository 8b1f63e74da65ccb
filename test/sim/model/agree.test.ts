import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../../reconciler/config.ts'
import { openLog } from '../../../reconciler/log.ts'
import { openReconciler, type Reconciler } from '../../../reconciler/run.ts'
import { fundWallets } from '../../../sim/book/fund.ts'
import { Book } from '../../../sim/book/pglite.ts'
import { DatabaseProcess } from '../../../sim/book/pool.ts'
import { DatabaseServer } from '../../../sim/book/server.ts'
import { realCurve } from '../../../sim/crypto/curve.ts'
import { disagreements } from '../../../sim/model/agree.ts'
import { type AccountKind, openAccount } from '../../../sim/model/book.ts'
import { type FeeRule, setFee } from '../../../sim/model/fees.ts'
import { FIRST_POLICIES } from '../../../sim/model/first-policies.ts'
import { Follower } from '../../../sim/model/follow.ts'
import type { Committed } from '../../../sim/model/follow-statements.ts'
import { fund } from '../../../sim/model/post.ts'
import { Recorder } from '../../../sim/model/recorder.ts'
import { readRows } from '../../../sim/model/rows.ts'
import { type ModelState, newModelState } from '../../../sim/model/state.ts'
import { installGlobals } from '../../../sim/time/globals.ts'
import { Random } from '../../../sim/time/random.ts'
import { Scheduler } from '../../../sim/time/scheduler.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { trustedReceiptKeys } from '../../../src/crypto/receipt-keys.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment, PaymentEntry } from '../../../src/protocol/payment.ts'
import type { DecisionException } from '../../../src/protocol/receipt.ts'
import { HOUR_MS, MINUTE_MS } from '../../../src/protocol/time.ts'
import type { TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { makeWorld, newWallet, type World } from '../../reconciler/kit.ts'
import type { Database } from '../../reconciler/open-database.ts'
import { LOGINS } from '../logins.ts'

/** The real reconciler on the real SQL, and the model that follows it: they tell one story, and when they do not, it shows. */
let book: Book
let scheduler: Scheduler
let restore: () => void
let world: World
let state: ModelState
let recorder: Recorder
let reconciler: Reconciler
/** How the story is told to the follower: as it happened. */
let tell: (one: Committed) => Committed = (one) => one
let references = 0

beforeAll(async () => {
  book = await Book.open()
}, 120_000)
afterAll(() => book.close())

beforeEach(async () => {
  const random = new Random(3)
  scheduler = new Scheduler(Date.UTC(2026, 10, 22, 9), random.stream('order'))
  const nothing = async () => Response.error()
  restore = installGlobals({ scheduler, random: random.stream('globals'), curve: realCurve, fetch: nothing })
  book.begin(1)
  state = newModelState()
  tell = (one) => one
  world = await makeWorld({ logins: LOGINS, open } as Database)
  // Time that the database takes goes by on both clocks.
  Object.defineProperty(world, 'now', { get: () => Math.floor(scheduler.nowMs) })
  const { RISK_FIXED_SCORE: _, ...env } = world.env
  const config = parseConfig(env)
  const keys = await localKeys(config.edgeKeys, config.wrappingSecret)
  const trusted = await trustedReceiptKeys(keys)
  const policyOf = (country: string) => FIRST_POLICIES.find((policy) => policy.country === country)
  const follower = new Follower({ state, keys, trusted, policyOf, nowMs: () => scheduler.nowMs })
  recorder = new Recorder((transaction) => follower.committed(transaction.map((one) => tell(one))))
  const faults = { strikes: () => false }
  const server = new DatabaseServer({ scheduler, random: random.stream('database'), book, faults })
  server.onCommit(({ processId }) => recorder.committed(processId))
  const process = new DatabaseProcess(server, 'reconciler')
  reconciler = await openReconciler(config, {
    ...{ fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log: openLog('silent') },
    openPool: (...args) => recorder.listen(process.openPool(...args)),
  })
})
afterEach(async () => {
  await ends(reconciler.close())
  book.end()
  restore()
})

async function ends<T>(work: Promise<T>): Promise<T> {
  let isEnded = false
  const end = () => {
    isEnded = true
  }
  work.then(end, end)
  await scheduler.run(() => isEnded)
  return work
}

/** Everything that can be done now is done, also what was in a pause. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await ends(reconciler.once())
    await later(MINUTE_MS)
  }
}

const later = (ms: number) => scheduler.run(() => false, scheduler.nowMs + ms)

/** In the book and in the model. */
const open: Database['open'] = async (wallet, amount = 0, { kind = 'merchant' } = {}) => {
  const reference = `opened-${++references}`
  fundWallets(book, [{ wallet, kind: kind as 'customer', amount }], reference, scheduler.nowMs)
  openAccount(state.book, wallet, 'XOF', kind as AccountKind)
  if (amount > 0) fund(state.book, reference, 1, wallet, amount, 'XOF')
}

function setFees(rule: Omit<FeeRule, 'effectiveFromMs'>): void {
  const { country, type, currency, flatMinor, basisPoints, bearer } = rule
  setFee(state.book, state.fees, { ...rule, effectiveFromMs: 0 })
  const values = [country, type, currency, `${flatMinor}`, `${basisPoints}`, bearer, '1970-01-01']
  book.asOwner('SELECT set_offline_fee($1, $2, $3, $4, $5, $6, $7)', values)
}

async function funded(balance: number): Promise<string> {
  const wallet = newWallet()
  await open(wallet, balance)
  return wallet
}

const pay = (till: TestDevice, sender: string, amount: number, over: Partial<Payment> = {}) =>
  till.payment({ sender, amount: amountMinor(amount), ...over })

type Word = DecisionException['decision'] | 'accepted'

async function sell(till: TestDevice, entries: readonly PaymentEntry[], words: readonly Word[] = []) {
  const made = await till.bundle(entries, world.keySet)
  const exceptions = words.flatMap((decision, i): DecisionException[] =>
    decision === 'accepted'
      ? []
      : [{ counter: entries[i]?.counter ?? 0, decision, reason: decision === 'refused' ? 'duplicate' : 'risk_review' }],
  )
  world.network.send(world.admitMade(made, entries, { exceptions }))
  return made
}

async function sentences(): Promise<readonly string[]> {
  await ends(recorder.inTurn(() => undefined))
  return [
    ...recorder.sentences,
    ...disagreements(
      state,
      readRows((sql) => book.read(sql)),
    ),
  ]
}

test('after a day with everything in it, the book and the model agree', async () => {
  setFees({ country: 'BJ', type: 'merchant', currency: 'XOF', flatMinor: 3, basisPoints: 75, bearer: 'payee' })
  setFees({ country: 'BJ', type: 'p2p', currency: 'XOF', flatMinor: 10, basisPoints: 0, bearer: 'payer' })
  const [till, other, phone] = [await world.device(), await world.device(), await world.device()]
  const [ama, kofi] = [await funded(20_000), await funded(30_000)]
  await open(phone.ownerWallet, 50_000, { kind: 'merchant' })
  world.network.send(world.facts(till), world.facts(other))
  // Contested money, and holds.
  const asked = [pay(till, ama, 9000), pay(till, ama, 9000), pay(till, ama, 9000), pay(till, kofi, 5000)]
  const first = await sell(till, asked, ['review', 'accepted', 'accepted', 'quarantined'])
  await settle()
  // Fees of both kinds, a wallet that is not there, a type that does not fit.
  const gift = pay(till, kofi, 5000, { type: 'p2p', receiver: ama })
  const second = await sell(till, [gift, pay(till, newWallet(), 1), pay(till, kofi, 7, { type: 'cashout' })])
  // A number that was nobody's and is a payment later, a copy, a twin.
  const voided = { counter: till.counter++, voided: true as const }
  await sell(till, [voided])
  await settle()
  await sell(till, [{ ...pay(till, kofi, 100), counter: voided.counter }])
  const twin = pay(till, kofi, 1234)
  await sell(till, [twin])
  await settle()
  await sell(other, [{ ...twin, counter: 1 }])
  await sell(till, [twin], ['refused'])
  // The payer's word: there, late, and missing.
  const big = pay(till, phone.ownerWallet, 20_000)
  const late = await sell(till, [signedBy(phone, big)])
  await sell(till, [pay(till, phone.ownerWallet, 15_000)])
  await settle()
  await later(3 * HOUR_MS)
  await settle()
  world.network.send(world.facts(phone))
  await settle()
  const signed = pay(till, phone.ownerWallet, 12_000)
  await sell(till, [signedBy(phone, signed)])
  world.network.send(world.review(late, 1, { [big.counter]: 'approve' }))
  world.network.send(world.review(first, 2, { 1: 'approve', 4: 'reject' }), world.reversal(first, 3, 2))
  await settle()
  // Of what cannot be reversed, is not there, or was decided before.
  world.network.send(
    world.reversal(second, 4, gift.counter),
    world.reversal(first, 5, 4),
    world.review(first, 6, { 2: 'reject' }),
  )
  world.network.send(world.facts(phone, { rev: 2, status: 'suspended' }))
  await settle()
  expect(await sentences()).toEqual([])
  const statuses = new Set([...state.payments.values()].map(({ status }) => status))
  expect([...statuses].toSorted()).toEqual(['failed', 'reversed', 'review', 'succeeded'])
  expect([...new Set([...state.book.transfers.values()].map(({ kind }) => kind))].toSorted()).toEqual([
    ...['fee', 'fee_reversal', 'funding', 'payment', 'reversal'],
  ])
  expect(new Set(state.resolutions.map(({ result }) => result))).toEqual(
    new Set(['applied', 'not_waiting', 'not_reversible']),
  )
  expect(state.copies.length).toBe(1)
})

/** A sale of 2 500 to a payer that has twice as much, of which the follower is told something else. */
async function toldOtherwise(lie: (one: Committed) => Committed): Promise<string> {
  const [till, payer] = [await world.device(), await funded(5000)]
  // What came just now may be seen otherwise.
  await world.phone(payer)
  world.network.send(world.facts(till))
  await settle()
  await later(10 * MINUTE_MS)
  tell = (one) => (one.text.includes('offline_record_transactions(') ? lie(one) : one)
  await sell(till, [pay(till, payer, 2500)])
  await settle()
  return (await sentences()).join('\n')
}

const answering = (over: object) => (one: Committed) => ({ ...one, rows: one.rows.map((row) => ({ ...row, ...over })) })

test('a book that answers otherwise is found out', async () => {
  const said = await toldOtherwise(answering({ status: 'failed', reason: 'insufficient_funds' }))
  expect(said).toContain('status is failed in the book and succeeded in the model')
  expect(said).toContain('reason is insufficient_funds in the book and null in the model')
})

test('a payment that was recorded with another amount is found out, by its judgement and by its money', async () => {
  const said = await toldOtherwise((one) => ({ ...one, values: one.values.with(6, [2501]) }))
  expect(said).toContain('balance_minor is 2500 in the book and 2499 in the model')
})

test.each([
  ['as one that waits', 15, 'review', 'was judged review'],
  ['without its payer’s word', 18, false, 'was judged pending, not proven'],
])(
  'a reconciler that judges a payment %s, when the rules say otherwise, is found out',
  async (_, column, value, sentence) => {
    const said = await toldOtherwise((one) => ({ ...one, values: one.values.with(column, [value]) }))
    expect(said).toContain(sentence)
  },
)

test('a transaction that the follower did not hear of is found out', async () => {
  const [till, payer] = [await world.device(), await funded(5000)]
  world.network.send(world.facts(till))
  await sell(till, [pay(till, payer, 2500)])
  recorder.committed = () => undefined
  await settle()
  const said = (await sentences()).join('\n')
  expect(said).toContain(`The book has payment ${till.id}/1, and the model has not.`)
})
