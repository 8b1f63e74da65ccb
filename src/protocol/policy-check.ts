import { calendarDay } from './activity.ts'
import type { Policy } from './policy.ts'

/**
 * Whether a policy contradicts itself: it could be stored and sent, and would then do something else than whoever wrote
 * it thinks. The names are those of the columns.
 */
const CONTRADICTIONS: readonly (readonly [what: string, holds: (policy: Policy) => boolean])[] = [
  [
    'max_offline_amount is above max_offline_value_per_device_per_day',
    (p) => p.maxOfflineAmount > p.maxOfflineValuePerDevicePerDay,
  ],
  [
    'max_offline_amount is above max_offline_value_between_syncs',
    (p) => p.maxOfflineAmount > p.maxOfflineValueBetweenSyncs,
  ],
  ['mandate_payment_max is above mandate_day_max', (p) => p.mandatePaymentMax > p.mandateDayMax],
  [
    'require_payer_proof_above is above require_agent_approval_above',
    (p) => p.requirePayerProofAbove > p.requireAgentApprovalAbove,
  ],
  [
    'require_agent_approval_above is above require_manual_review_above',
    (p) => p.requireAgentApprovalAbove > p.requireManualReviewAbove,
  ],
  ['accept_below_score is above quarantine_above_score', (p) => p.acceptBelowScore > p.quarantineAboveScore],
  // A relay would bring only payments that are refused as too old.
  ['max_relay_hours is above max_bundle_age_hours', (p) => p.maxRelayHours > p.maxBundleAgeHours],
  ['max_clock_skew_minutes is above max_bundle_age_hours', (p) => p.maxClockSkewMinutes > p.maxBundleAgeHours * 60],
  ['enabled, and no payment is possible', (p) => p.enabled && !paymentIsPossible(p)],
  ['allowed_methods names one twice', (p) => new Set(p.allowedMethods).size < p.allowedMethods.length],
  ['time_zone is not known', (p) => !isTimeZone(p.timeZone)],
]

export function contradictionsOf(policy: Policy): readonly string[] {
  return CONTRADICTIONS.flatMap(([what, holds]) => (holds(policy) ? [what] : []))
}

const paymentIsPossible = (p: Policy): boolean =>
  p.allowedMethods.length > 0 && p.maxOfflineAmount > 0 && p.maxOfflinePerDevicePerDay > 0 && p.maxDaysSinceSync > 0

function isTimeZone(timeZone: string): boolean {
  try {
    calendarDay(0, timeZone)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
