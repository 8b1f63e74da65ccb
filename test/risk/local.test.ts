import { expect, it } from 'vitest'
import { activityKey } from '../../src/protocol/activity.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { emptyHistory, updateHistory } from '../../src/risk/history.ts'
import { assessLocally, LOCAL_VERSION } from '../../src/risk/local.ts'
import type { LocalInput } from '../../src/risk/rule.ts'
import { type RuleName, WEIGHTS } from '../../src/risk/weights.ts'
import { ACCEPTED, DAY_MS, input, MINUTE_MS, NOW_MS, OWNER, POLICY, payment, payments } from './kit.ts'

/** One test a rule: what it speaks about, from where on, how much, and what it leaves alone. */
const adds = (over: Partial<LocalInput>, rule: RuleName): number =>
  assessLocally(input(over)).reasons.find((reason) => reason.rule === rule)?.adds ?? 0
const about = (over: Partial<LocalInput>) => assessLocally(input(over)).payments.map(([counter]) => counter)

/** A device that took these before, days ago. */
function known(amounts: readonly number[]) {
  const past = amounts.map((amount) => payment({ amount, initiatedAtMs: NOW_MS - 5 * DAY_MS }))
  return updateHistory(emptyHistory, past, Array(past.length).fill(ACCEPTED), POLICY, NOW_MS)
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
    history = updateHistory(history, [one], [ACCEPTED], POLICY, NOW_MS + 45_000)
  }
  expect(last).toBe(WEIGHTS.velocity)
  // A rush of yesterday says nothing about a payment of today.
  expect(adds({ history, payments: [payment({ initiatedAtMs: NOW_MS + DAY_MS })] }, 'velocity')).toBe(0)
})

it("amount_outlier: far outside of the device's own amounts, and only that payment pays for it", () => {
  const over = { history: USUAL, payments: payments(3, (index) => ({ amount: index === 1 ? 90_000 : 2_500 })) }
  expect(adds(over, 'amount_outlier')).toBe(WEIGHTS.amount_outlier)
  expect(about(over)).toEqual([2])
  expect(assessLocally(input(over)).shared).toBe(0)
})

it('amount_outlier: speaks of neither small change nor a device without a past, nor of what is usual there', () => {
  const at = (amount: number) => ({ payments: [payment({ amount })] })
  expect(adds({ history: known(Array(60).fill(100)), ...at(10_000) }, 'amount_outlier')).toBe(0)
  expect(adds({ history: known(Array(60).fill(100)), ...at(10_001) }, 'amount_outlier')).toBe(WEIGHTS.amount_outlier)
  expect(adds({ history: known(Array(19).fill(2_500)), ...at(90_000) }, 'amount_outlier')).toBe(0)
  expect(adds({ history: known(Array(60).fill(40_000)), ...at(60_000) }, 'amount_outlier')).toBe(0)
})

it('structuring: three times just under a limit with one payer, and only those payments', () => {
  const over = {
    history: USUAL,
    payments: payments(5, (index) => (index < 3 ? { amount: 9_900, sender: 'W-SPLIT' } : {})),
  }
  expect(adds(over, 'structuring')).toBe(WEIGHTS.structuring)
  expect(about(over)).toEqual([1, 2, 3])
})

it.each([10_000, 50_000, 75_000, 100_000])(
  'structuring: the band under %d is a twentieth of it, and ends at it',
  (limit) => {
    const three = (amount: number) => ({ payments: payments(3, () => ({ amount, sender: 'W-SPLIT' })) })
    expect(adds(three(limit), 'structuring')).toBe(WEIGHTS.structuring)
    expect(adds(three(limit * 0.95 + 1), 'structuring')).toBe(WEIGHTS.structuring)
    expect(adds(three(limit * 0.95), 'structuring')).toBe(0)
    expect(adds(three(limit + 1), 'structuring')).toBe(0)
  },
)

it('structuring: many payers just under the limit that asks for their proof', () => {
  const many = (count: number) => ({ history: USUAL, payments: payments(count, () => ({ amount: 9_800 })) })
  expect(adds(many(3), 'structuring')).toBe(0)
  expect(adds(many(12), 'structuring')).toBe(WEIGHTS.structuring)
  // Also when they are pushed one by one.
  const most = updateHistory(USUAL, many(11).payments, Array(11).fill({ decision: 'review' }), POLICY, NOW_MS)
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
  const three = (amount: number) => ({
    payments: payments(3, () => ({ type: 'cashin', sender: OWNER, receiver: 'W-AWA', amount })),
  })
  expect(adds(three(10_000), 'structuring')).toBe(0)
  expect(adds(three(50_000), 'structuring')).toBe(WEIGHTS.structuring)
})

it('receiver_spread: one wallet to fourteen by p2p within a day, however it is pushed', () => {
  const out = (count: number) =>
    payments(count, (index) => ({ type: 'p2p', sender: OWNER, receiver: `W-MULE-${index}` }))
  expect(adds({ payments: out(6) }, 'receiver_spread')).toBe(0)
  expect(adds({ payments: out(14) }, 'receiver_spread')).toBe(WEIGHTS.receiver_spread)
  const history = updateHistory(emptyHistory, out(14).slice(0, 13), Array(13).fill(ACCEPTED), POLICY, NOW_MS)
  expect(adds({ history, payments: out(14).slice(13) }, 'receiver_spread')).toBe(WEIGHTS.receiver_spread)
})

it("receiver_spread: an agent's cash-ins are spread by nature", () => {
  const over = { payments: payments(30, (i) => ({ type: 'cashin', sender: OWNER, receiver: `W-${i}` })) }
  expect(adds(over, 'receiver_spread')).toBe(0)
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

it('new_device_value: how new, times how much of a day; a first day at half of it is still accepted', () => {
  const over = (share: number, deviceAgeMs: number, before = 0) => ({
    deviceAgeMs,
    activity: new Map([[activityKey('2026-11-24', 'XOF'), { count: 1, value: before }]]),
    payments: payments(5, () => ({ amount: (share * 500_000) / 5 })),
  })
  expect(adds(over(0.5, 0), 'new_device_value')).toBe(0.1)
  expect(adds(over(1, 0), 'new_device_value')).toBe(WEIGHTS.new_device_value)
  expect(adds(over(0.5, 0, 250_000), 'new_device_value')).toBe(WEIGHTS.new_device_value)
  expect(adds(over(1, 7 * DAY_MS), 'new_device_value')).toBe(0)
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
