import type { AmountHistory, SeenPayment } from './history.ts'
import { partyTag } from './history.ts'
import type { Rule, Scene } from './local.ts'
import { ramp } from './weights.ts'
import { aboutAll, DAY_MS, densest, raise } from './windows.ts'

/** Payments before a device's amounts say what is normal for it. */
const KNOWN_AFTER = 20

/** A device that only ever took one price must not find every other price strange. */
const DEVIATION_MIN = 0.35

/**
 * Against the device's own amounts, in standard deviations of their logarithm. 3 happens once in a thousand payments;
 * 6 does not happen. Amounts that need no proof of the payer are small change everywhere.
 */
const amountOutlier: Rule = ({ payments, policy, history }) => {
  const about = new Map<number, number>()
  let farthest = 1
  for (const { counter, amount, currency } of payments) {
    const known = history.amounts.find((one) => one.currency === currency)
    if (known === undefined || known.count < KNOWN_AFTER || amount <= policy.requirePayerProofAbove) continue
    const distance = Math.log(amount) - known.mean
    const strength = ramp(distance / deviation(known, DEVIATION_MIN), 3, 6)
    if (strength === 0) continue
    about.set(counter, strength)
    farthest = Math.max(farthest, Math.exp(distance))
  }
  const detail = `${about.size} payments, up to ${Math.round(farthest)} times this device's typical amount`
  return { rule: 'amount_outlier', about, detail }
}

/** How close below a limit an amount must be to look made to fit under it. */
const BAND = 0.05
/** A device whose amounts fall into the band anyway gets as much again, twice, before it is noticed. */
const EXPECTED_TIMES = 3
const PRICE_DEVIATION_MIN = 0.05

/**
 * Amounts just under a limit that asks for more: two or three of them with one counterparty in a day, or more of them on
 * the device than its own prices explain. A shop with one price at the limit explains any number.
 */
const structuring: Rule = (scene) => {
  const { policy, seen, ownerWallet } = scene
  const owner = partyTag(ownerWallet)
  const { requirePayerProofAbove, requireAgentApprovalAbove, requireManualReviewAbove, maxOfflineAmount } = policy
  const limits = [requirePayerProofAbove, requireAgentApprovalAbove, requireManualReviewAbove, maxOfflineAmount]
  const about = new Map<number, number>()
  let most = 0
  for (const limit of new Set(limits)) {
    const near = seen.filter(({ amount, sender }) => {
      // The owner's own payments need no proof, so that limit is none to them.
      const bound = limit !== requirePayerProofAbove || sender !== owner
      return bound && amount <= limit && amount > limit * (1 - BAND)
    })
    const usual = usualShare(scene, limit) * EXPECTED_TIMES
    if (near.length < 2 || usual >= 1) continue
    const groups = Map.groupBy(near, ({ sender, receiver }) => (sender === owner ? receiver : sender))
    for (const group of groups.values()) note(densest(group, DAY_MS), 0, 1, 3)
    note(densest(near, DAY_MS), usual * densest(seen, DAY_MS).length, 3, 6)
  }
  return { rule: 'structuring', about, detail: `up to ${most} amounts just under a limit within a day` }

  function note(group: readonly SeenPayment[], expected: number, from: number, to: number): void {
    const strength = ramp(group.length - expected, from, to)
    if (strength === 0) return
    raise(about, aboutAll(group, strength))
    most = Math.max(most, group.length)
  }
}

/** The share of the device's amounts that fall into the band under a limit by habit: a log-normal density × its width. */
function usualShare({ payments, history }: Scene, limit: number): number {
  const known = history.amounts.find(({ currency }) => currency === payments[0]?.currency)
  if (known === undefined || known.count < KNOWN_AFTER) return 0
  const sd = deviation(known, PRICE_DEVIATION_MIN)
  const z = (Math.log(limit) - known.mean) / sd
  return (Math.exp((-z * z) / 2) / (sd * Math.sqrt(2 * Math.PI))) * BAND
}

const deviation = ({ count, m2 }: AmountHistory, least: number): number =>
  Math.max(least, Math.sqrt(m2 / Math.max(1, count - 1)))

export const amountRules: readonly Rule[] = [amountOutlier, structuring]
