import fc from 'fast-check'
import { expect, test } from 'vitest'
import { useDatabase } from '../reconciler/database.ts'
import { answers, expectSoundBook, post, type TestPayment } from './book.ts'

const db = useDatabase()

/** The rule, one payment after the other: what the set-based function must agree with whatever the batch. */
function model(balances: Map<string, number>, posted: Map<string, string>, batch: readonly TestPayment[]): string[] {
  return batch.map(({ source, no, from, to, amount }) => {
    const body = [from, to, amount].join()
    const before = posted.get(`${source}/${no}`)
    if (before !== undefined) return before === body ? 'exists' : 'conflict'
    const [payer, payee] = [balances.get(from), balances.get(to)]
    if (payer === undefined || payee === undefined) return 'unknown_wallet'
    if (payer < amount) return 'insufficient_funds'
    balances.set(from, payer - amount)
    balances.set(to, (balances.get(to) ?? 0) + amount)
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
})
const batch = fc.uniqueArray(payment, { selector: ({ no }) => no, maxLength: 25 })
const run = fc.record({
  opening: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 4, maxLength: 4 }),
  batches: fc.array(batch, { minLength: 1, maxLength: 4 }),
})

test('any batches do what the same payments would do one by one', async () => {
  let round = 0
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
        const named = payments.map((p) => ({ ...p, source: `M-${round}`, from: name(p.from), to: name(p.to) }))
        expect(answers(await post(db().app, named))).toEqual(model(balances, posted, named))
      }
      for (const [wallet, balance] of balances) expect(await db().balance(wallet)).toBe(balance)
    }),
    { numRuns: 120 },
  )
  await expectSoundBook(db().app)
})
