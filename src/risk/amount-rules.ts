import { DAY_MS } from '../protocol/time.ts'
import { partyTag } from './history.ts'
import { justUnder, proofLimits } from './proof-limits.ts'
import type { Rule, Scene } from './rule.ts'
import { ramp } from './weights.ts'
import { crowds, raise } from './windows.ts'

/** Payments that what is taken for usual everywhere counts for, beside the device's own. */
const PRIOR_COUNT = 20

/** On a device nobody knows: three payments in twenty just under a limit are taken for usual. */
const PRIOR_NEAR = 3

/** A device whose prices lie there gets as much again, twice, before it is noticed. */
const USUAL_TIMES = 3

/**
 * Amounts just under a limit that asks for more, from whomever: more of them on the device than a full day at its own
 * prices holds. A shop with one price at the limit soon explains any number. What one payer splits is linked (linked-rules.ts).
 */
const structuring: Rule = (scene) => {
  const { policy, seen, ownerWallet } = scene
  const owner = partyTag(ownerWallet)
  const about = new Map<number, number>()
  let most = 0
  for (const limit of proofLimits(policy)) {
    const near = seen.filter(({ amount, sender }) => {
      // The owner's own payments need no proof, so that limit is none to them.
      const bound = limit !== policy.requirePayerProofAbove || sender !== owner
      return bound && justUnder(amount, limit)
    })
    const [count, known] = habit(scene, limit)
    const share = (known + PRIOR_NEAR) / (count + PRIOR_COUNT)
    const usual = USUAL_TIMES * share * policy.maxOfflinePerDevicePerDay
    for (const [counter, found] of crowds(near, DAY_MS)) {
      const strength = ramp(found - usual, 3, 6)
      raise(about, counter, strength)
      if (strength > 0) most = Math.max(most, found)
    }
  }
  return { rule: 'structuring', about, detail: `up to ${most} amounts just under a limit within a day` }
}

/** How many amounts the device is known by, and how many of them were just under the limit. */
function habit({ payments, history }: Scene, limit: number): readonly [count: number, near: number] {
  const known = history.amounts.find(({ currency }) => currency === payments[0]?.currency)
  return [known?.count ?? 0, new Map(known?.near).get(limit) ?? 0]
}

export const amountRules: readonly Rule[] = [structuring]
