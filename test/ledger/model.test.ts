import fc from 'fast-check'
import { expect, test } from 'vitest'
import { useDatabase } from '../reconciler/database.ts'
import { answers, expectSoundBook, post, type TestPayment } from './book.ts'

const db = useDatabase()

/** The rule, one payment after the other: what the set-based function must agree with whatever the batch. */
function model(balances: Map<string, number>, posted: Map<string, string>, batch: readonly TestPayment[]): string[] {
  return batch.map(({ source, no, from, to, amount, fee }) => {
    const body = [from, to, amount].join()
    const before = posted.get(`${source}/${no}`)
    if (before !== undefined) return before === body ? 'exists' : 'conflict'
    const [payer, payee] = [balances.get(from), balances.get(to)]
    if (payer === undefined || payee === undefined) return 'unknown_wallet'
    const [onTop, outOf] = fee === undefined ? [0, 0] : fee.bearer === 'payer' ? [fee.amount, 0] : [0, fee.amount]
    if (payer < amount + onTop) return 'insufficient_funds'
    balances.set(from, payer - amount - onTop)
    balances.set(to, (balances.get(to) ?? 0) + amount - outOf)
    balances.set('fees', (balances.get('fees') ?? 0) + onTop + outOf)
    posted.set(`${source}/${no}`, body)
    return 'posted'
  })
}

const wallets = ['a', 'b', 'c', 'd', 'missing']
const payment = fc.record({
  no: fc.integer({ min: 1, max: 40 }),
  from: fc.constantFrom(...wallets),
  to: fc.constantFrom(...wallets),
  amount: fc.integer({ min: 1, max: 120 }),
  fee: fc.option(
    fc.record({ amount: fc.integer({ min: 0, max: 60 }), bearer: fc.constantFrom('payer' as const, 'payee' as const) }),
    { nil: undefined },
  ),
})
const batch = fc.uniqueArray(payment, { selector: ({ no }) => no, maxLength: 25 })
const run = fc.record({
  opening: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 4, maxLength: 4 }),
  batches: fc.array(batch, { minLength: 1, maxLength: 4 }),
})

test('any batches do what the same payments would do one by one', async () => {
  await db().owner.query("SELECT wallet_core.open_account('fees', 'XOF', 'system', NULL)")
  let round = 0
  let collected = 0
  await fc.assert(
    fc.asyncProperty(run, async ({ opening, batches }) => {
      round += 1
      const name = (wallet: string) => `${wallet}-${round}`
      const balances = new Map<string, number>()
      for (const [i, amount] of opening.entries()) {
        const wallet = name(wallets[i] ?? '')
        await db().open(wallet, amount)
        balances.set(wallet, amount)
      }
      const posted = new Map<string, string>()
      for (const payments of batches) {
        const named = payments.map(({ fee, ...p }) => ({
          ...{ ...p, source: `M-${round}`, from: name(p.from), to: name(p.to) },
          // Never more than the payee is given.
          ...(fee && { fee: { ...fee, account: 'fees', amount: Math.min(fee.amount, p.amount) } }),
        }))
        expect(answers(await post(db().owner, named))).toEqual(model(balances, posted, named))
      }
      collected += balances.get('fees') ?? 0
      balances.set('fees', collected)
      for (const [wallet, balance] of balances) expect(await db().balance(wallet)).toBe(balance)
    }),
    { numRuns: 120 },
  )
  await expectSoundBook(db().app)
})
