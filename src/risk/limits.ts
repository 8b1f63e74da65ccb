import { DAY_MS } from '../protocol/time.ts'

/** Bounds and times of risk scoring, each with the reason for its number. */

/** Deadlines. The push waits for a person at a till; the reconciler does not. */
export const DEADLINES_MS = {
  bundle: 150,
  transaction: 150,
  /** A chunk of 500 payments, outside of any request. */
  bulk: 5_000,
  reputation: 1_000,
  /** Nobody waits for it, and it is tried again. */
  escalation: 5_000,
} as const

/**
 * Bytes of an answer. A bundle's: 100 payments × (name, score, 16 reasons) stay below 150 KB; beyond that it is not an
 * answer. Counted after decompression, so a small body cannot grow.
 */
export const ANSWER_BYTES_MAX = 256 * 1024
export const BULK_ANSWER_BYTES_MAX = 2 * 1024 * 1024

/** Payments in one bulk call: about 150 KB of request, and little lost when it fails. */
export const BULK_PAYMENTS_MAX = 500
/** Bulk calls at a time: workerd allows six connections a request. */
export const BULK_CALLS_AT_ONCE = 4

/** Reasons kept with a score. More explain nothing, and they are stored with every bundle. */
export const REASONS_MAX = 16

/** Payments that a device's history remembers one by one: more than a minute holds before `velocity` has spoken. */
export const RECENT_PAYMENTS_MAX = 48
/** Older ones cannot share a day with a payment that a policy still accepts. */
export const RECENT_AGE_MAX_MS = 4 * DAY_MS
/** Currencies of which amounts are remembered: a country has one, a border town two. */
export const HISTORY_CURRENCIES_MAX = 4
/** A device counts as new for a week; by then a stolen enrolment is noticed, and it has paid those whom it pays often. */
export const DEVICE_NEW_FOR_MS = 7 * DAY_MS

/** Payees that a device remembers: a family, a shop's suppliers, a small payroll. The one not paid for longest falls off. */
export const PAYEES_MAX = 24
/**
 * Days after its first payment from which a payee is known. By then a payment that waited is decided, and whoever lost the
 * device has noticed.
 */
export const PAYEE_KNOWN_AFTER_DAYS = 3
/** Payments after which older amounts begin to fade: 20 full days. */
export const HISTORY_MEMORY = 1_000

/**
 * Bundles that may be missing before one: a day's payments at the default limit, each carried by a phone of its own and
 * arriving in any order. More is a jump: a clone that runs ahead of the original, so that the two never meet.
 */
export const MISSING_BUNDLES_MAX = 50

/** Contradictions that a reputation remembers one by one. */
export const CONFLICTS_MAX = 8
