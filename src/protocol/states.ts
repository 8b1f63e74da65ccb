/** States of a bundle and of a payment, the decisions that lead there, and their numbers on the wire (the index). */

export const BUNDLE_STATUSES = [
  'pushed',
  'processing',
  'accepted',
  'partially_accepted',
  'rejected',
  'failed',
  'review',
  'quarantined',
  'claimed',
] as const
export type BundleStatus = (typeof BUNDLE_STATUSES)[number]

/** Of bundles that wait: for people, or for the word of a payer. */
export const WAITING_STATUSES = ['review', 'quarantined', 'claimed'] as const satisfies readonly BundleStatus[]
export type WaitingStatus = (typeof WAITING_STATUSES)[number]
const WAITING: ReadonlySet<BundleStatus> = new Set(WAITING_STATUSES)
export const isWaiting = (status: BundleStatus): status is WaitingStatus => WAITING.has(status)

/** What the edge decides about a payment when it admits the bundle, the stricter the later. */
export const DECISIONS = ['accepted', 'claimed', 'review', 'quarantined', 'refused'] as const
export type Decision = (typeof DECISIONS)[number]

/** `pending_offline` exists on the device only. `claimed` waits for the word of its payer, who is asked. */
export const PAYMENT_STATUSES = [
  'pending_offline',
  'pending',
  'succeeded',
  'failed',
  'refused',
  'review',
  'quarantined',
  'reversed',
  'claimed',
] as const
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number]

/** Why a payment did not simply succeed. Stable: devices, reports and translations use these words. */
export const REASONS = [
  'insufficient_funds',
  'allowance_shortfall',
  'unknown_wallet',
  'wallet_frozen',
  'wallet_kind_mismatch',
  'currency_mismatch',
  'duplicate',
  'limit_exceeded',
  'unsynced_limit',
  'risk_rejected',
  'risk_review',
  'payer_not_proven',
  'approval_required',
  'amount_review',
  'too_old',
  'time_out_of_range',
  'method_not_allowed',
  'country_disabled',
  'reviewer_rejected',
  'review_expired',
  'device_revoked',
  'same_wallet',
  'invalid_payment',
  'payer_refused',
  'payer_did_not_confirm',
  'mandated',
  'approval_invalid',
  'refund_not_possible',
  'refund_above_payment',
] as const
export type Reason = (typeof REASONS)[number]

const FINAL: ReadonlySet<PaymentStatus> = new Set(['succeeded', 'failed', 'refused', 'reversed'])
export const isFinal = (status: PaymentStatus): boolean => FINAL.has(status)

export const waitsForPeople = (status: PaymentStatus): boolean => status === 'review' || status === 'quarantined'

/** The status in which a payment leaves the edge. */
export function statusOfDecision(decision: Decision): PaymentStatus {
  return decision === 'accepted' ? 'pending' : decision
}

/**
 * A bundle's status from those of its payments: whoever waits for a person shows first, then whatever is still under
 * way, then who waits for a payer, then the result. A bundle of voided payments only has nothing left to do and is accepted.
 */
export function bundleStatus(payments: readonly PaymentStatus[]): BundleStatus {
  const has = (status: PaymentStatus) => payments.includes(status)
  if (has('quarantined')) return 'quarantined'
  if (has('review')) return 'review'
  if (has('pending')) return 'pushed'
  if (has('claimed')) return 'claimed'
  const moved = payments.filter((status) => status === 'succeeded' || status === 'reversed').length
  if (moved === payments.length) return 'accepted'
  if (moved > 0) return 'partially_accepted'
  return has('failed') ? 'failed' : 'rejected'
}
