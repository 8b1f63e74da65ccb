import { DAY_MS } from '../protocol/time.ts'
import type { AmountHistory, SeenPayment } from './history.ts'
import { partyTag } from './history.ts'
import { justUnder, proofLimits } from './proof-limits.ts'
import type { Rule, Scene } from './rule.ts'
import { ramp } from './weights.ts'
import { crowds, raise } from './windows.ts'

/** Payments that what is taken for usual everywhere counts for, beside the device's own. */
const PRIOR_COUNT = 20

/** Payments before a device's amounts say what is normal for it. */
const KNOWN_AFTER = 20

/** A device that only ever took one price must not find every other price strange. */
const DEVIATION_MIN = 0.35

/** Few amounts say little about how far they spread: until there are many, shops in general speak with 20 of theirs. */
const PRIOR_DEVIATION = 0.8

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
    const strength = ramp(distance / deviation(known), 3, 6)
    if (strength === 0) continue
    about.set(counter, strength)
    farthest = Math.max(farthest, Math.exp(distance))
  }
  const detail = `${about.size} payments, up to ${Math.round(farthest)} times this device's typical amount`
  return { rule: 'amount_outlier', about, detail }
}

/** A device whose prices lie there gets as much again, twice, before it is noticed. */
const USUAL_TIMES = 3

/** What one counterparty does in a busy day. Not what it did today: small payments in between must not dilute the large. */
const PER_PARTY = 3

/** On a device nobody knows: three payments in twenty just under a limit are taken for usual. */
const PRIOR_NEAR = 3

/**
 * Amounts just under a limit that asks for more: two or three of them with one counterparty in a day, or more of them on
 * the device than a full day at its own prices holds. A shop with one price at the limit soon explains any number.
 */
const structuring: Rule = (scene) => {
  const { policy, seen, ownerWallet } = scene
  const owner = partyTag(ownerWallet)
  const counterparty = ({ sender, receiver }: SeenPayment) => (sender === owner ? receiver : sender)
  const about = new Map<number, number>()
  let most = 0
  for (const limit of proofLimits(policy)) {
    const near = seen.filter(({ amount, sender }) => {
      // The owner's own payments need no proof, so that limit is none to them.
      const bound = limit !== policy.requirePayerProofAbove || sender !== owner
      return bound && justUnder(amount, limit)
    })
    if (near.length < 2) continue
    const [count, known] = habit(scene, limit)
    const shareOfOne = count < KNOWN_AFTER ? 0 : known / count
    const usualOfOne = USUAL_TIMES * shareOfOne * PER_PARTY
    for (const group of Map.groupBy(near, counterparty).values()) {
      for (const [counter, found] of crowds(group, DAY_MS)) note(counter, found, ramp(found - usualOfOne, 1, 3))
    }
    const shareOfAll = (known + PRIOR_NEAR) / (count + PRIOR_COUNT)
    const usualOfAll = USUAL_TIMES * shareOfAll * policy.maxOfflinePerDevicePerDay
    for (const [counter, found] of crowds(near, DAY_MS)) note(counter, found, ramp(found - usualOfAll, 3, 6))
  }
  return { rule: 'structuring', about, detail: `up to ${most} amounts just under a limit within a day` }

  function note(counter: number, found: number, strength: number): void {
    raise(about, counter, strength)
    if (strength > 0) most = Math.max(most, found)
  }
}

/** How many amounts the device is known by, and how many of them were just under the limit. */
function habit({ payments, history }: Scene, limit: number): readonly [count: number, near: number] {
  const known = history.amounts.find(({ currency }) => currency === payments[0]?.currency)
  return [known?.count ?? 0, new Map(known?.near).get(limit) ?? 0]
}

function deviation({ count, m2 }: AmountHistory): number {
  const variance = (m2 + PRIOR_COUNT * PRIOR_DEVIATION ** 2) / (count - 1 + PRIOR_COUNT)
  return Math.max(DEVIATION_MIN, Math.sqrt(variance))
}

export const amountRules: readonly Rule[] = [amountOutlier, structuring]
