import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PAYMENT_TYPES, type Payment } from '../../src/protocol/payment.ts'
import { emptyHistory, updateHistory } from '../../src/risk/history.ts'
import { assessLocally, type LocalScore } from '../../src/risk/local.ts'
import type { LocalInput } from '../../src/risk/rule.ts'
import { isScore } from '../../src/risk/score.ts'
import { ACCEPTED, DAY_MS, input, KEPT, MINUTE_MS, NOW_MS, OWNER, payment } from './kit.ts'

const wallet = fc.constantFrom(OWNER, 'W-1', 'W-2', 'W-3', 'W-4')
const somePayment = fc.record({
  type: fc.constantFrom(...PAYMENT_TYPES),
  amount: fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constantFrom(9_900, 10_000, 49_000, 74_000)),
  sender: wallet,
  receiver: wallet,
  initiatedAtMs: fc.integer({ min: -3 * DAY_MS, max: DAY_MS }).map((ms) => NOW_MS + Math.floor(ms / 1000) * 1000),
})
const somePayments = fc
  .array(somePayment, { maxLength: 60 })
  .map((list): Payment[] => list.map((over, index) => payment({ ...over, counter: index + 1 })))

const someInput: fc.Arbitrary<LocalInput> = fc
  .record({
    payments: somePayments,
    past: somePayments,
    holes: fc.nat(5),
    missingBefore: fc.nat(100),
    recentConflicts: fc.nat(3),
    deviceAgeMs: fc.nat(20 * DAY_MS),
    reputation: fc.double({ min: 0, max: 1, noNaN: true }),
    behindMs: fc.integer({ min: -DAY_MS, max: DAY_MS }),
  })
  .map(({ past, behindMs, ...rest }) =>
    input({
      ...rest,
      history: updateHistory(emptyHistory, past, Array(past.length).fill(ACCEPTED), KEPT),
      countedMs: NOW_MS + behindMs,
    }),
  )

it('every score is a number in 0–1, of whole ten-thousandths, and the highest is the score', () => {
  fc.assert(
    fc.property(someInput, (one) => {
      const { score, shared, payments } = assessLocally(one)
      for (const value of [score, shared, ...payments.map(([, own]) => own)]) {
        expect(isScore(value)).toBe(true)
        expect(value).toBe(Math.round(value * 10_000) / 10_000)
      }
      expect(score).toBe(Math.max(shared, ...payments.map(([, own]) => own)))
      const counters = one.payments.map(({ counter }) => counter)
      expect(payments.every(([counter, own]) => counters.includes(counter) && own >= shared)).toBe(true)
    }),
  )
})

it('the same input gives the same score, also after its history was stored as JSON', () => {
  fc.assert(
    fc.property(someInput, (one) => {
      const stored = { ...one, history: JSON.parse(JSON.stringify(one.history)) as LocalInput['history'] }
      expect(assessLocally(stored)).toEqual(assessLocally(one))
    }),
  )
})

/** Each makes a bundle more suspicious; none may make it look better, as a whole or for any payment it had. */
const WORSE: Record<string, (one: LocalInput) => LocalInput> = {
  'a missing bundle': (one) => ({ ...one, holes: one.holes + 1 }),
  'a jump ahead': (one) => ({ ...one, missingBefore: one.missingBefore + 60 }),
  'a contradiction': (one) => ({ ...one, recentConflicts: one.recentConflicts + 1 }),
  'a worse name': (one) => ({ ...one, reputation: one.reputation / 2 }),
  'a device that is no longer new': (one) => ({ ...one, deviceAgeMs: one.deviceAgeMs + 7 * DAY_MS }),
  'one more payee': (one) => more(one, { type: 'p2p', sender: OWNER, receiver: 'W-NEW', amount: 9_000 }),
  'a clock further back': (one) => ({
    ...one,
    countedMs: one.countedMs && one.countedMs + 31 * MINUTE_MS,
  }),
  'an amount just under a limit': (one) => more(one, { amount: 9_900, sender: 'W-1' }),
  'one more receiver': (one) => more(one, { type: 'p2p', sender: 'W-1', receiver: 'W-NEW', amount: 50 }),
  'one more in the same second': (one) => more(one, { initiatedAtMs: one.payments[0]?.initiatedAtMs ?? NOW_MS }),
  'one from the future': (one) => more(one, { initiatedAtMs: NOW_MS + 2 * DAY_MS, amount: 50 }),
  'a small payment in between': (one) => more(one, { amount: 50, sender: 'W-1' }),
  'a huge amount': (one) => more(one, { amount: 100_000, receiver: 'W-2' }),
}

function more(one: LocalInput, over: Parameters<typeof payment>[0]): LocalInput {
  return { ...one, payments: [...one.payments, payment({ ...over, counter: one.payments.length + 1 })] }
}

it.each(Object.keys(WORSE))('%s never lowers a score', (name) => {
  fc.assert(
    fc.property(someInput, (one) => {
      const [before, after] = [assessLocally(one), assessLocally((WORSE[name] ?? ((same) => same))(one))]
      expect(after.score).toBeGreaterThanOrEqual(before.score)
      expect(after.shared).toBeGreaterThanOrEqual(before.shared)
      for (const { counter } of one.payments) expect(of(after, counter)).toBeGreaterThanOrEqual(of(before, counter))
    }),
    { numRuns: 500 },
  )
})

const of = ({ shared, payments }: LocalScore, counter: number): number => new Map(payments).get(counter) ?? shared
