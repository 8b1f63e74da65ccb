import { DAY_MS } from '../protocol/time.ts'
import { partyTag, type SeenPayment } from './history.ts'
import type { Rule } from './rule.ts'
import { crowds, raise } from './windows.ts'

/** A good customer comes twice a day; the third time is a pattern. */
const PIECES = 3

/** Small sums that one customer may bring to one shop in a day: the busiest pairs of the market day reach five. */
const SMALL_SUMS = 5

/**
 * Payments between the same two wallets within a day count as one: what one payment may not be without a signature or an
 * approval, several must not be either. So the pieces of a split sum wait for a person, however they were cut. What the device sends out of
 * its owner's wallet is no such split (payout-rules.ts).
 */
const linked: Rule = ({ seen, policy, ownerWallet }) => {
  const owner = partyTag(ownerWallet)
  const about = new Map<number, number>()
  let most = 0
  const others = seen.filter(({ sender, type }) => sender !== owner || type === 'cashin')
  for (const pair of Map.groupBy(others, pairOf).values()) {
    // The owner's own payments need no signature, so that limit is none to them.
    const small = pair.filter(({ amount, sender }) => amount <= policy.requirePayerProofAbove && sender !== owner)
    note(small, SMALL_SUMS * policy.requirePayerProofAbove)
    note(pair, policy.requireManualReviewAbove)
  }
  return { rule: 'linked', about, detail: `payments of ${most} between the same two wallets within a day` }

  function note(payments: readonly SeenPayment[], limit: number): void {
    // Most pairs meet once: no window of theirs holds several.
    if (payments.length < PIECES) return
    for (const [counter, sum] of crowds(payments, DAY_MS, sumOfSeveral)) {
      if (sum <= limit) continue
      raise(about, counter, 1)
      most = Math.max(most, sum)
    }
  }
}

const pairOf = ({ sender, receiver }: SeenPayment): number => sender * 0x10000 + receiver

const sumOfSeveral = (payments: readonly SeenPayment[]): number =>
  payments.length < PIECES ? 0 : payments.reduce((sum, { amount }) => sum + amount, 0)

export const linkedRules: readonly Rule[] = [linked]
