import { type Activity, activityKey, calendarDay, type DayActivity, noActivity } from './activity.ts'
import type { Payment } from './payment.ts'
import type { Policy } from './policy.ts'
import type { Decision, Reason } from './states.ts'

/**
 * The policy's rules for one payment, the same code on the device before it is taken, at the edge when it is admitted,
 * and at the reconciler before it is posted.
 */
export interface Verdict {
  readonly decision: Decision
  readonly reason?: Reason
}

/** What a payment is judged against besides the policy. */
export interface RuleContext {
  readonly policy: Policy
  readonly nowMs: number
  /** Wallet of the device's owner: payments out of it are authorised by the device itself. */
  readonly ownerWallet: string
  /** `initiated_at` may not lie before it (less the skew); undefined when the device has never synced. */
  readonly lastSyncMs: number | undefined
  /** Risk score 0–1 of the bundle or payment, when one is known. */
  readonly riskScore: number | undefined
}

const ACCEPTED: Verdict = { decision: 'accepted' }
const refused = (reason: Reason): Verdict => ({ decision: 'refused', reason })
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/**
 * Judges payments in the order they were made. Each that is not refused counts towards its day, so a payment late in a
 * bundle sees those before it.
 *
 * @returns a verdict for each payment, and the activity after all of them
 */
export function judge(
  payments: readonly Payment[],
  activity: Activity,
  context: RuleContext,
): { verdicts: readonly Verdict[]; activity: Activity } {
  const after = new Map(activity)
  const verdicts = payments.map((payment) => {
    const key = activityKey(calendarDay(payment.initiatedAtMs, context.policy.timeZone), payment.currency)
    const today = after.get(key) ?? noActivity
    const verdict = judgeOne(payment, today, context)
    if (verdict.decision !== 'refused') {
      after.set(key, { count: today.count + 1, value: today.value + payment.amount })
    }
    return verdict
  })
  return { verdicts, activity: after }
}

/** The verdict on one payment, given what its day already holds. The first rule that speaks decides. */
export function judgeOne(payment: Payment, today: DayActivity, context: RuleContext): Verdict {
  return refusal(payment, today, context) ?? quarantine(context) ?? review(payment, context) ?? ACCEPTED
}

function refusal(
  payment: Payment,
  today: DayActivity,
  { policy, nowMs, ownerWallet }: RuleContext,
): Verdict | undefined {
  if (!policy.enabled) return refused('country_disabled')
  if (payment.currency !== policy.currency) return refused('currency_mismatch')
  if (!policy.allowedMethods.includes(payment.method)) return refused('method_not_allowed')
  if (nowMs - payment.initiatedAtMs > policy.maxBundleAgeHours * HOUR_MS) return refused('too_old')
  if (payment.amount > policy.maxOfflineAmount) return refused('limit_exceeded')
  if (today.count + 1 > policy.maxOfflinePerDevicePerDay) return refused('limit_exceeded')
  if (today.value + payment.amount > policy.maxOfflineValuePerDevicePerDay) return refused('limit_exceeded')
  if (needsPayerProof(payment, policy, ownerWallet) && payment.authorization === undefined) {
    return refused('payer_not_proven')
  }
  if (payment.amount > policy.requireAgentApprovalAbove && payment.approval === undefined) {
    return refused('approval_required')
  }
  return undefined
}

/** Money moves only with its owner's word: the owner's device, the owner's signature, or an amount small enough. */
export function needsPayerProof(payment: Payment, policy: Policy, ownerWallet: string): boolean {
  return payment.sender !== ownerWallet && payment.amount > policy.requirePayerProofAbove
}

function quarantine({ policy, riskScore }: RuleContext): Verdict | undefined {
  if (riskScore === undefined || riskScore <= policy.quarantineAboveScore) return undefined
  return { decision: 'quarantined', reason: 'risk_rejected' }
}

function review(payment: Payment, { policy, nowMs, lastSyncMs, riskScore }: RuleContext): Verdict | undefined {
  const skewMs = policy.maxClockSkewMinutes * MINUTE_MS
  const early = lastSyncMs !== undefined && payment.initiatedAtMs < lastSyncMs - skewMs
  if (early || payment.initiatedAtMs > nowMs + skewMs) return { decision: 'review', reason: 'time_out_of_range' }
  if (payment.amount > policy.requireManualReviewAbove) return { decision: 'review', reason: 'amount_review' }
  if (riskScore !== undefined && riskScore >= policy.acceptBelowScore) {
    return { decision: 'review', reason: 'risk_review' }
  }
  return undefined
}
