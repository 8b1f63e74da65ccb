import fc from 'fast-check'
import { expect, test } from 'vitest'
import { useDatabase } from '../../reconciler/database.ts'
import { expectSoundBook, type Posted, post, type TestPayment } from './book.ts'

const db = useDatabase()

interface Model {
  readonly balances: Map<string, number>
  /** Of each wallet, what is held. */
  readonly held: Map<string, number>
  readonly posted: Map<number, string>
  readonly holds: Map<number, { readonly wallet: string; readonly amount: number; open: boolean }>
}

const add = (map: Map<string, number>, key: string, amount: number) => map.set(key, (map.get(key) ?? 0) + amount)

/** The rule, one payment after the other: what the set-based function must agree with whatever the batch. */
function model({ balances, held, posted, holds }: Model, { no, from, to, amount, fee, step = 'post' }: TestPayment) {
  const [onTop, outOf] = fee === undefined ? [0, 0] : fee.bearer === 'payer' ? [fee.amount, 0] : [0, fee.amount]
  const [body, total] = [[from, to, amount].join(), amount + onTop]
  const hold = holds.get(no)
  const end = (by: 'posted' | 'released') => {
    if (!hold?.open) return null
    hold.open = false
    add(held, hold.wallet, -hold.amount)
    return by
  }
  if (step === 'release') return { answer: 'released', hold: end('released') }
  const before = posted.get(no)
  if (before !== undefined) return { answer: before === body ? 'exists' : 'conflict', hold: null }
  if (step === 'hold' && hold) {
    return { answer: hold.wallet === from && hold.amount === total ? 'exists' : 'conflict', hold: null }
  }
  if (!balances.has(from) || !balances.has(to)) return { answer: 'unknown_wallet', hold: end('released') }
  const own = hold?.open ? hold.amount : 0
  if ((balances.get(from) ?? 0) - (held.get(from) ?? 0) + own < total) {
    return { answer: 'insufficient_funds', hold: end('released') }
  }
  if (step === 'hold') {
    holds.set(no, { wallet: from, amount: total, open: true })
    add(held, from, total)
    return { answer: 'held', hold: 'placed' }
  }
  const ended = end('posted')
  add(balances, from, -total)
  add(balances, to, amount - outOf)
  add(balances, 'fees', onTop + outOf)
  posted.set(no, body)
  return { answer: 'posted', hold: ended }
}

const answer = ({ result, reason, hold }: Posted) => ({ answer: reason ?? result, hold })

const wallets = ['a', 'b', 'c', 'd', 'missing']
const payment = fc.record({
  from: fc.constantFrom(...wallets),
  to: fc.constantFrom(...wallets),
  amount: fc.integer({ min: 1, max: 120 }),
  fee: fc.option(
    fc.record({ amount: fc.integer({ min: 0, max: 60 }), bearer: fc.constantFrom('payer' as const, 'payee' as const) }),
    { nil: undefined },
  ),
})
type Payment = typeof payment extends fc.Arbitrary<infer P> ? P : never
type Line = Payment & Pick<TestPayment, 'no' | 'step'>

/** Any batches do what the same payments would do one by one. */
async function agrees(name: string, opening: readonly number[], batches: readonly (readonly Line[])[]) {
  const state: Model = { balances: new Map(), held: new Map(), posted: new Map(), holds: new Map() }
  const wallet = (short: string) => `${short}-${name}`
  state.balances.set('fees', await db().balance('fees'))
  for (const [i, amount] of opening.entries()) {
    const opened = wallet(wallets[i] ?? '')
    await db().open(opened, amount)
    state.balances.set(opened, amount)
  }
  for (const payments of batches) {
    const named = payments.map(({ fee, ...p }) => ({
      ...{ ...p, source: name, from: wallet(p.from), to: wallet(p.to) },
      // Never more than the payee is given.
      ...(fee && { fee: { ...fee, account: 'fees', amount: Math.min(fee.amount, p.amount) } }),
    }))
    expect((await post(db().owner, named)).map(answer)).toEqual(named.map((one) => model(state, one)))
  }
  for (const [name, balance] of state.balances) {
    const { rows } = await db().app.query('SELECT * FROM wallet_core.balances WHERE wallet_id = $1', [name])
    expect([rows[0].balance_minor, rows[0].held_minor]).toEqual([balance, state.held.get(name) ?? 0])
  }
}

const opening = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 4, maxLength: 4 })
let round = 0

test('any batches do what the same payments would do one by one', async () => {
  await db().owner.query("SELECT wallet_core.open_system_account('fees', 'XOF')")
  const numbered = fc.tuple(fc.integer({ min: 1, max: 40 }), payment)
  const batch = fc.uniqueArray(numbered, { selector: ([no]) => no, maxLength: 25 })
  await fc.assert(
    fc.asyncProperty(opening, fc.array(batch, { minLength: 1, maxLength: 4 }), (funds, batches) =>
      agrees(
        `M-${++round}`,
        funds,
        batches.map((payments) => payments.map(([no, one]) => ({ ...one, no }))),
      ),
    ),
    { numRuns: 120 },
  )
  await expectSoundBook(db().app)
})

test('and with payments that wait: held, then posted or released, in any order and again and again', async () => {
  await db().owner.query("SELECT wallet_core.open_system_account('fees', 'XOF')")
  const step = fc.constantFrom('post' as const, 'hold' as const, 'hold' as const, 'release' as const)
  // What a number stands for is the same each time: a hold and its posting are of one payment.
  const book = fc.array(payment, { minLength: 12, maxLength: 12 })
  const numbered = fc.tuple(fc.integer({ min: 0, max: 11 }), step)
  const batch = fc.uniqueArray(numbered, { selector: ([no]) => no, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(opening, book, fc.array(batch, { minLength: 2, maxLength: 6 }), (funds, payments, batches) =>
      agrees(
        `H-${++round}`,
        funds,
        batches.map((steps) => steps.map(([no, step]) => ({ ...(payments[no] as Payment), no: no + 1, step }))),
      ),
    ),
    { numRuns: 300 },
  )
  const { rows } = await db().app.query('SELECT ended_by, count(*) AS n FROM wallet_core.holds GROUP BY 1 ORDER BY 1')
  // Each way was gone.
  expect(rows.map(({ ended_by }) => ended_by)).toEqual(['posted', 'released', null])
  await expectSoundBook(db().app)
})
