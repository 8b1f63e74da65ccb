import { expect, it } from 'vitest'
import type { Payment } from '../../src/protocol/payment.ts'
import { emptyHistory, updateHistory } from '../../src/risk/history.ts'
import { assessLocally, LOCAL_VERSION } from '../../src/risk/local.ts'
import type { LocalInput } from '../../src/risk/rule.ts'
import { type RuleName, WEIGHTS } from '../../src/risk/weights.ts'
import { ACCEPTED, DAY_MS, input, KEPT, MINUTE_MS, NOW_MS, OWNER, POLICY, payment, payments } from './kit.ts'

/** One test a rule: what it speaks about, from where on, how much, and what it leaves alone. */
const adds = (over: Partial<LocalInput>, rule: RuleName): number =>
  assessLocally(input(over)).reasons.find((reason) => reason.rule === rule)?.adds ?? 0
const about = (over: Partial<LocalInput>) => assessLocally(input(over)).payments.map(([counter]) => counter)

/** A device that took these before, days ago. */
function known(amounts: readonly number[]) {
  const past = amounts.map((amount) => payment({ amount, initiatedAtMs: NOW_MS - 5 * DAY_MS }))
  return updateHistory(emptyHistory, past, Array(past.length).fill(ACCEPTED), KEPT)
}
const USUAL = known(Array.from({ length: 60 }, (_, index) => [1_500, 2_500, 4_000][index % 3] ?? 0))

it('an ordinary bundle scores nothing and has no reasons', () => {
  expect(assessLocally(input())).toEqual({
    scoredBy: 'local',
    score: 0,
    shared: 0,
    payments: [],
    reasons: [],
    device: { score: 0, reasons: [] },
    version: LOCAL_VERSION,
  })
})

it('a bundle of voided payments scores without trouble', () => {
  expect(assessLocally(input({ payments: [], holes: 1 }))).toMatchObject({ score: 0.0467, shared: 0.0467 })
})

it('velocity: 30 within a minute are a rush, 45 are a script', () => {
  const within = (count: number, overMs = MINUTE_MS) => ({
    payments: payments(count, (index) => ({ initiatedAtMs: NOW_MS - DAY_MS + Math.floor((index * overMs) / count) })),
  })
  expect(adds(within(30), 'velocity')).toBe(0)
  expect(adds(within(31), 'velocity')).toBeGreaterThan(0)
  expect(adds(within(45), 'velocity')).toBe(WEIGHTS.velocity)
  expect(adds(within(45, 3 * MINUTE_MS), 'velocity')).toBe(0)
})

it('velocity: seven within one second are a script', () => {
  const at = (count: number) => ({ payments: payments(count, () => ({ initiatedAtMs: NOW_MS - DAY_MS })) })
  expect(adds(at(4), 'velocity')).toBe(0)
  expect(adds(at(7), 'velocity')).toBe(WEIGHTS.velocity)
})

it('velocity: payments pushed one by one are seen together', () => {
  let history = emptyHistory
  let last = 0
  for (let index = 0; index < 45; index++) {
    const one = payment({ counter: index + 1, initiatedAtMs: NOW_MS + index * 1_000 })
    last = adds({ payments: [one], history, signedAtMs: NOW_MS + 45_000 }, 'velocity')
    history = updateHistory(history, [one], [ACCEPTED], { ...KEPT, nowMs: NOW_MS + 45_000 })
  }
  expect(last).toBe(WEIGHTS.velocity)
  // A rush of yesterday says nothing about a payment of today.
  expect(adds({ history, payments: [payment({ initiatedAtMs: NOW_MS + DAY_MS })] }, 'velocity')).toBe(0)
})

it.each([10_000, 50_000, 75_000, 100_000])(
  'structuring: the band under %d is a fifth of it, and ends at it',
  (limit) => {
    const dozen = (amount: number) => ({ history: USUAL, payments: payments(12, () => ({ amount })) })
    expect(adds(dozen(limit), 'structuring')).toBe(WEIGHTS.structuring)
    expect(adds(dozen(limit * 0.8 + 1), 'structuring')).toBe(WEIGHTS.structuring)
    // Where another limit's band does not lie.
    if (limit === 10_000 || limit === 50_000) expect(adds(dozen(limit * 0.8), 'structuring')).toBe(0)
    if (limit === 10_000 || limit === 100_000) expect(adds(dozen(limit + 1), 'structuring')).toBe(0)
  },
)

it('structuring: many payers just under the limit that asks for their proof, and only those payments', () => {
  const many = (count: number) => ({ history: USUAL, payments: payments(count, () => ({ amount: 9_800 })) })
  // 60 known amounts and none near: three times (0 + 3) in (60 + 20), of a day of 50, are usual.
  expect(adds(many(8), 'structuring')).toBe(0)
  expect(adds(many(9), 'structuring')).toBeGreaterThan(0)
  expect(adds(many(12), 'structuring')).toBe(WEIGHTS.structuring)
  const mixed = { ...many(24), payments: payments(24, (index) => ({ amount: index % 2 ? 9_800 : 2_000 })) }
  expect(about(mixed)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24])
  // Also when they are pushed one by one.
  const most = updateHistory(USUAL, many(11).payments, Array(11).fill({ decision: 'review' }), KEPT)
  expect(adds({ history: most, payments: [payment({ amount: 9_800 })] }, 'structuring')).toBe(WEIGHTS.structuring)
  // Nobody knows yet what a new device sells; half a day of nothing else is still not a shop.
  expect(adds({ payments: many(22).payments }, 'structuring')).toBe(0)
  expect(adds({ payments: many(29).payments }, 'structuring')).toBe(WEIGHTS.structuring)
})

it('structuring: a shop with one price at a limit explains any number of them', () => {
  const history = known(Array(100).fill(10_000))
  expect(adds({ history, payments: payments(50, () => ({ amount: 10_000 })) }, 'structuring')).toBe(0)
})

it("structuring: an agent's own cash-ins need no proof, so they do not hide under that limit", () => {
  const dozen = (amount: number) => ({
    history: USUAL,
    payments: payments(12, () => ({ type: 'cashin', sender: OWNER, receiver: 'W-AWA', amount })),
  })
  expect(adds(dozen(10_000), 'structuring')).toBe(0)
  expect(adds(dozen(50_000), 'structuring')).toBe(WEIGHTS.structuring)
})

it("sender_spread: many wallets into one that is not the owner's; a till's customers are none", () => {
  const into = (receiver: string) => ({ payments: payments(14, () => ({ receiver })) })
  expect(adds(into('W-MULE'), 'sender_spread')).toBe(WEIGHTS.sender_spread)
  expect(adds(into(OWNER), 'sender_spread')).toBe(0)
})

it('clock_turned_back: signed before the time that the payload counts, beyond the skew', () => {
  const counted = (aheadMs: number) => ({ countedMs: NOW_MS + aheadMs })
  const skewMs = POLICY.maxClockSkewMinutes * MINUTE_MS
  expect(adds(counted(skewMs), 'clock_turned_back')).toBe(0)
  expect(adds(counted(skewMs + 1), 'clock_turned_back')).toBe(WEIGHTS.clock_turned_back)
  // Signed again days after it was sealed: that is what resending does.
  expect(adds(counted(-3 * DAY_MS), 'clock_turned_back')).toBe(0)
})

it('dated_ahead: payments from after the signature, and only those', () => {
  const skewMs = POLICY.maxClockSkewMinutes * MINUTE_MS
  const over = { payments: [payment({ counter: 1 }), payment({ counter: 2, initiatedAtMs: NOW_MS + skewMs + 1_000 })] }
  expect(adds(over, 'dated_ahead')).toBe(WEIGHTS.dated_ahead)
  expect(about(over)).toEqual([2])
  expect(adds({ payments: [payment({ initiatedAtMs: NOW_MS + skewMs })] }, 'dated_ahead')).toBe(0)
})

it('out_of_order: one step back is a clock put right, three are a rewound one', () => {
  const hours = (...at: number[]): { payments: Payment[] } => ({
    payments: payments(at.length, (index) => ({ initiatedAtMs: NOW_MS - DAY_MS + (at[index] ?? 0) * 3_600_000 })),
  })
  expect(adds(hours(0, 1, 2), 'out_of_order')).toBe(0)
  expect(adds(hours(0, 5, 1, 2), 'out_of_order')).toBe(0.05)
  expect(about(hours(0, 5, 1, 2))).toEqual([3, 4])
  expect(adds(hours(0, 5, 1, 5, 1, 5, 1), 'out_of_order')).toBe(WEIGHTS.out_of_order)
  expect(adds(hours(1, 0.5), 'out_of_order')).toBe(0)
})

it('chain_hole: missing bundles alone never stop a payment', () => {
  expect(adds({ holes: 1 }, 'chain_hole')).toBe(0.0467)
  expect(adds({ holes: 1_000 }, 'chain_hole')).toBe(WEIGHTS.chain_hole)
  expect(assessLocally(input({ holes: 1_000 })).score).toBeLessThan(POLICY.acceptBelowScore)
})

it("debit_after_hole: what debits the owner's wallet waits while anything before it is missing; what others signed does not", () => {
  const debit = { payments: [payment({ counter: 1 }), payment({ counter: 2, sender: OWNER, receiver: 'W-MULE' })] }
  expect(adds({ ...debit, missingBefore: 0 }, 'debit_after_hole')).toBe(0)
  expect(adds({ ...debit, missingBefore: 1 }, 'debit_after_hole')).toBe(WEIGHTS.debit_after_hole)
  expect(adds({ missingBefore: 50 }, 'debit_after_hole')).toBe(0)
  // It is about the chain, which a remote scorer is not told.
  expect(assessLocally(input({ ...debit, missingBefore: 1 })).device.score).toBe(WEIGHTS.debit_after_hole)
})

it('chain_gap: more missing bundles than relays explain are a review, whatever else is in order', () => {
  expect(adds({ missingBefore: 50 }, 'chain_gap')).toBe(0)
  expect(adds({ missingBefore: 51 }, 'chain_gap')).toBe(WEIGHTS.chain_gap)
  for (const jump of [{ missingBefore: 51 }, { missingBefore: 4_000, holes: 4_000 }]) {
    const { score } = assessLocally(input(jump))
    expect(score).toBeGreaterThanOrEqual(POLICY.acceptBelowScore)
    expect(score).toBeLessThanOrEqual(POLICY.quarantineAboveScore)
  }
})

it('recent_conflict: one contradiction is a review, two are a quarantine', () => {
  expect(assessLocally(input({ recentConflicts: 1 })).score).toBe(0.2)
  expect(assessLocally(input({ recentConflicts: 2 })).score).toBeGreaterThan(POLICY.quarantineAboveScore)
})

it('low_reputation: from neutral downwards', () => {
  expect(adds({ reputation: 0.5 }, 'low_reputation')).toBe(0)
  expect(adds({ reputation: 0.9 }, 'low_reputation')).toBe(0)
  expect(adds({ reputation: 0.25 }, 'low_reputation')).toBe(0.15)
  expect(adds({ reputation: 0 }, 'low_reputation')).toBe(WEIGHTS.low_reputation)
})

it('a broken number is the worst of its rule, never no risk', () => {
  expect(adds({ reputation: Number.NaN }, 'low_reputation')).toBe(WEIGHTS.low_reputation)
})

it('no reason names a wallet', () => {
  const worst = input({
    payments: payments(50, () => ({ type: 'p2p', sender: 'W-SECRET', receiver: 'W-SECRET-2', amount: 9_900 })),
    holes: 3,
    recentConflicts: 2,
    reputation: 0,
    deviceAgeMs: 0,
  })
  const { reasons, score } = assessLocally(worst)
  expect(score).toBe(1)
  expect(reasons.length).toBeGreaterThan(4)
  expect(JSON.stringify(reasons)).not.toContain('SECRET')
})
