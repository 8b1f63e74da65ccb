import type { Policy } from '../protocol/policy.ts'

/** How close below a limit an amount must be to look made to fit under it: below 10 000 the round sums from 8 000 on. */
const BAND = 0.2

/** The amounts above which a payment needs more: the payer's proof, an agent, a person; or is not possible at all. */
export function proofLimits(policy: Policy): readonly number[] {
  const { requirePayerProofAbove, requireAgentApprovalAbove, requireManualReviewAbove, maxOfflineAmount } = policy
  return [...new Set([requirePayerProofAbove, requireAgentApprovalAbove, requireManualReviewAbove, maxOfflineAmount])]
}

/** Just under a limit, or at it: there it still needs nothing more. */
export function justUnder(amount: number, limit: number): boolean {
  return amount <= limit && amount > limit * (1 - BAND)
}
