import { type Activity, activityKey, type DayActivity, limitDay, noActivity } from './activity.ts'
import { approvalOf, isTimely, needsApproval } from './approval.ts'
import { isUsed, requestOf, type UsedRequests } from './approval-uses.ts'
import { authorizationOf } from './authorization.ts'
import { paysItself } from './consent.ts'
import { guaranteeOf } from './guarantee.ts'
import type { DeviceId } from './ids.ts'
import { isValidAt } from './pass.ts'
import type { Payment } from './payment.ts'
import type { Policy } from './policy.ts'
import { isRefund, mayBeRefund } from './refunds.ts'
import type { Decision, Reason } from './states.ts'
import { HOUR_MS, MINUTE_MS } from './time.ts'
import { addUnsynced, type Unsynced, unsyncedWith } from './unsynced.ts'

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
  /** The device that takes it. */
  readonly takerId: DeviceId
  /** Wallet of the device's owner. */
  readonly ownerWallet: string
  /** Until when payments out of it are authorised by the device itself (consent.ts); undefined: they are not. */
  readonly paysUntilMs: number | undefined
  /** `initiated_at` may not lie before it (less the skew); undefined where nothing is known of earlier times. */
  readonly timeFloorMs: number | undefined
  /** Risk score 0–1 of the bundle or payment, when one is known. */
  readonly riskScore: number | undefined
  /** Arrivals before this one; undefined where the order in which bundles arrived is not known. */
  readonly unsynced?: Unsynced | undefined
  /** Counters of payments whose authorization was verified with the payer's key and does not hold. */
  readonly disproven?: ReadonlySet<number>
  /** Counters of payments whose approval was verified with the agent's key and does not hold. */
  readonly unapproved?: ReadonlySet<number>
  /** Requests that payments of this device have used up; undefined where they are not known. */
  readonly usedRequests?: UsedRequests | undefined
}

/** What was judged, and what the payments after it are judged against. */
export interface Judgement {
  /** Of each payment. */
  readonly verdicts: readonly Verdict[]
  readonly activity: Activity
  readonly timeFloorMs: number | undefined
  readonly unsynced: Unsynced | undefined
  readonly usedRequests: UsedRequests | undefined
}

const ACCEPTED: Verdict = { decision: 'accepted' }
const CLAIMED: Verdict = { decision: 'claimed' }
const refused = (reason: Reason): Verdict => ({ decision: 'refused', reason })

/**
 * Judges payments in the order of their counters. Each that is not refused counts towards its day, and each lifts the
 * time floor, so a payment late in a bundle sees those before it.
 */
export function judge(payments: readonly Payment[], activity: Activity, context: RuleContext): Judgement {
  const after = new Map(activity)
  let { timeFloorMs, unsynced, usedRequests } = context
  const verdicts = payments.map((payment) => {
    const key = activityKey(limitDay(payment, context.nowMs, context.policy.timeZone), payment.currency)
    const today = after.get(key) ?? noActivity
    const verdict = judgeOne(payment, today, { ...context, timeFloorMs, unsynced, usedRequests })
    timeFloorMs = lifted(timeFloorMs, payment, context)
    if (verdict.decision !== 'refused') {
      after.set(key, { count: today.count + 1, value: today.value + payment.amount })
      unsynced &&= addUnsynced(unsynced, payment, context.nowMs, context.policy)
      const request = requestOf(payment, context.takerId, context.policy)
      if (request !== undefined) usedRequests &&= [...usedRequests, request]
    }
    return verdict
  })
  return { verdicts, activity: after, timeFloorMs, unsynced, usedRequests }
}

/**
 * Payments are numbered in the order in which they are taken, so none may be dated before an earlier one, or the payments
 * of a full day could be dated into the days before. The latest date counts and not the last, which whoever dates them
 * may choose. One that lies ahead of now proves nothing about the time.
 */
function lifted(floorMs: number | undefined, { initiatedAtMs }: Payment, { policy, nowMs }: RuleContext) {
  if (initiatedAtMs > nowMs + skewOf(policy)) return floorMs
  return Math.max(floorMs ?? 0, Math.min(initiatedAtMs, nowMs))
}

const skewOf = (policy: Policy): number => policy.maxClockSkewMinutes * MINUTE_MS

/** The verdict on one payment, given what its day already holds. The first rule that speaks decides. */
export function judgeOne(payment: Payment, today: DayActivity, context: RuleContext): Verdict {
  return (
    refusal(payment, today, context) ?? quarantine(context) ?? review(payment, context) ?? granted(payment, context)
  )
}

function refusal(payment: Payment, today: DayActivity, context: RuleContext): Verdict | undefined {
  const { policy, nowMs, ownerWallet, paysUntilMs, disproven } = context
  if (!policy.enabled) return refused('country_disabled')
  if (payment.sender === payment.receiver) return refused('same_wallet')
  if (isRefund(payment) && !mayBeRefund(payment, context)) return refused('refund_not_possible')
  if (payment.currency !== policy.currency) return refused('currency_mismatch')
  if (!policy.allowedMethods.includes(payment.method)) return refused('method_not_allowed')
  if (nowMs - payment.initiatedAtMs > policy.maxBundleAgeHours * HOUR_MS) return refused('too_old')
  if (payment.amount > policy.maxOfflineAmount) return refused('limit_exceeded')
  if (today.count + 1 > policy.maxOfflinePerDevicePerDay) return refused('limit_exceeded')
  if (today.value + payment.amount > policy.maxOfflineValuePerDevicePerDay) return refused('limit_exceeded')
  if (!paysItself(payment, ownerWallet, paysUntilMs)) {
    if (disproven?.has(payment.counter)) return refused('payer_not_proven')
    if (!isSigned(payment, context) && !mayBeClaimed(payment, policy, ownerWallet)) return refused('payer_not_proven')
  }
  return needsApproval(payment, policy) ? unapproved(payment, context) : undefined
}

/** A pass that had not begun or was over, or a signature made long before, says nothing of this payment. */
function isSigned(payment: Payment, { takerId, policy }: Pick<RuleContext, 'takerId' | 'policy'>): boolean {
  const signed = authorizationOf(payment, takerId)
  if (signed === undefined) return false
  return isValidAt(signed.pass, payment.initiatedAtMs, skewOf(policy)) && isTimely(signed, payment, policy)
}

/** A large payment has an agent's word besides: signed by the agent's own device, for this payment and no other. */
function unapproved(payment: Payment, context: RuleContext): Verdict | undefined {
  const { policy, takerId, unapproved: disproven, usedRequests = [] } = context
  if (payment.approval === undefined) return refused('approval_required')
  const approval = approvalOf(payment, takerId)
  const holds = approval !== undefined && isTimely(approval, payment, policy) && !disproven?.has(payment.counter)
  return holds && !isUsed(usedRequests, approval.claims.requestId) ? undefined : refused('approval_invalid')
}

/**
 * A wallet is debited by its holder's word: by a device of the holder's that there is consent for, or by the holder's signature.
 * A device without consent only receives: whoever registers it must not be able to debit the wallet. Without that word a payment
 * is a claim, which waits for it. Only a small amount may be claimed, only into the wallet of the device's own owner,
 * and never for cash: whoever has a stolen till must not be able to ask in other people's name, or carry money away before
 * its holder was asked. A signature that is none, or over other terms, claims nothing.
 */
function mayBeClaimed(
  { receiver, type, amount, authorization }: Payment,
  policy: Pick<Policy, 'requirePayerProofAbove'>,
  ownerWallet: string,
): boolean {
  if (authorization !== undefined) return false
  return amount <= policy.requirePayerProofAbove && receiver === ownerWallet && type !== 'cashout'
}

const granted = (payment: Payment, context: RuleContext): Verdict =>
  guaranteeOf(payment, context) === 'claimed' ? CLAIMED : ACCEPTED

function quarantine({ policy, riskScore }: RuleContext): Verdict | undefined {
  if (riskScore === undefined || riskScore <= policy.quarantineAboveScore) return undefined
  return { decision: 'quarantined', reason: 'risk_rejected' }
}

function review(
  payment: Payment,
  { policy, nowMs, timeFloorMs, unsynced, riskScore }: RuleContext,
): Verdict | undefined {
  const skewMs = skewOf(policy)
  const early = timeFloorMs !== undefined && payment.initiatedAtMs < timeFloorMs - skewMs
  if (early || payment.initiatedAtMs > nowMs + skewMs) return { decision: 'review', reason: 'time_out_of_range' }
  // Held, and not refused: an honest device stops before it, and one that could not know this policy must not lose what it took.
  if (unsynced && unsyncedWith(unsynced, payment, nowMs, policy) > policy.maxOfflineValueBetweenSyncs) {
    return { decision: 'review', reason: 'unsynced_limit' }
  }
  if (payment.amount > policy.requireManualReviewAbove) return { decision: 'review', reason: 'amount_review' }
  if (riskScore !== undefined && riskScore >= policy.acceptBelowScore) {
    return { decision: 'review', reason: 'risk_review' }
  }
  return undefined
}
