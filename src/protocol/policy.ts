import { type CborMap, type CborValue, MalformedCbor } from './cbor.ts'
import { POLICY_VERSION_MAX } from './limits.ts'
import { type Currency, isCurrency } from './money.ts'
import { PAYMENT_METHODS, type PaymentMethod } from './payment.ts'
import { bool, list, map, oneOf, positive, text, uint } from './shape.ts'

/**
 * The rules of a country for offline payments. Versioned, never overwritten; the edge, the reconciler and the device
 * apply the same ones with the same code (rules.ts). Amounts are minor units.
 */
export interface Policy {
  readonly country: Country
  /** 1, 2, 3 … per country. */
  readonly version: number
  readonly enabled: boolean
  readonly currency: Currency
  /** IANA name; a "day" is its calendar day. */
  readonly timeZone: string
  readonly maxOfflineAmount: number
  readonly maxOfflinePerDevicePerDay: number
  readonly maxOfflineValuePerDevicePerDay: number
  /** Above it, the debited wallet's owner must have signed or hold the device. */
  readonly requirePayerProofAbove: number
  readonly requireAgentApprovalAbove: number
  readonly requireManualReviewAbove: number
  readonly allowedMethods: readonly PaymentMethod[]
  readonly maxBundleAgeHours: number
  readonly maxClockSkewMinutes: number
  readonly maxRelayHours: number
  /** Risk below it is accepted. */
  readonly acceptBelowScore: number
  /** Risk above it is quarantined; between the two a person reviews. */
  readonly quarantineAboveScore: number
  /** The SDK stops taking payments this long after the last sync. */
  readonly maxDaysSinceSync: number
  /** What one person decides about in a day (UTC); above it each further decision takes a second person. */
  readonly personDailyValue: number
  /** What a device takes that the edge has not seen yet: the SDK stops there, and the edge holds what is beyond it. */
  readonly maxOfflineValueBetweenSyncs: number
  /** What a holder's mandate gives at most for a payment, and for a day over all tills. 0: mandates give nothing here. */
  readonly mandatePaymentMax: number
  readonly mandateDayMax: number
  /** The most that an allowance holds for a payer's phone. 0: none is opened here. */
  readonly allowanceMax: number
}

export const COUNTRIES = ['SN', 'CI', 'ML', 'BF', 'TG', 'BJ'] as const
export type Country = (typeof COUNTRIES)[number]
export const isCountry = (value: unknown): value is Country => COUNTRIES.includes(value as Country)

/** Scores travel as ten-thousandths, because the wire has no floats. */
const SCORE_SCALE = 10_000

export function policyToCbor(policy: Policy): CborMap {
  return new Map<number, CborValue>([
    [1, policy.country],
    [2, policy.version],
    [3, policy.enabled],
    [4, policy.currency],
    [5, policy.timeZone],
    [6, policy.maxOfflineAmount],
    [7, policy.maxOfflinePerDevicePerDay],
    [8, policy.maxOfflineValuePerDevicePerDay],
    [9, policy.requirePayerProofAbove],
    [10, policy.requireAgentApprovalAbove],
    [11, policy.requireManualReviewAbove],
    [12, policy.allowedMethods.map((method) => PAYMENT_METHODS.indexOf(method))],
    [13, policy.maxBundleAgeHours],
    [14, policy.maxClockSkewMinutes],
    [15, policy.maxRelayHours],
    [16, Math.round(policy.acceptBelowScore * SCORE_SCALE)],
    [17, Math.round(policy.quarantineAboveScore * SCORE_SCALE)],
    [18, policy.maxDaysSinceSync],
    [19, policy.personDailyValue],
    [20, policy.maxOfflineValueBetweenSyncs],
    [21, policy.mandatePaymentMax],
    [22, policy.mandateDayMax],
    [23, policy.allowanceMax],
  ])
}

const FIELDS = Array.from({ length: 23 }, (_, index) => index + 1)

/** @throws MalformedCbor */
export function policyFromCbor(value: CborValue | undefined): Policy {
  const fields = map(value, 'policy', FIELDS)
  const [country, currency, timeZone] = [fields.get(1), fields.get(4), text(fields.get(5), 'time_zone', 64)]
  if (!isCountry(country)) throw new MalformedCbor('country')
  if (!isCurrency(currency)) throw new MalformedCbor('currency')
  return {
    country,
    version: positive(fields.get(2), 'version', POLICY_VERSION_MAX),
    enabled: bool(fields.get(3), 'enabled'),
    currency,
    timeZone,
    maxOfflineAmount: uint(fields.get(6), 'max_offline_amount'),
    maxOfflinePerDevicePerDay: uint(fields.get(7), 'max_offline_per_device_per_day'),
    maxOfflineValuePerDevicePerDay: uint(fields.get(8), 'max_offline_value_per_device_per_day'),
    requirePayerProofAbove: uint(fields.get(9), 'require_payer_proof_above'),
    requireAgentApprovalAbove: uint(fields.get(10), 'require_agent_approval_above'),
    requireManualReviewAbove: uint(fields.get(11), 'require_manual_review_above'),
    allowedMethods: list(fields.get(12), 'allowed_methods', 0, 3).map((m) => oneOf(m, 'method', PAYMENT_METHODS)),
    maxBundleAgeHours: uint(fields.get(13), 'max_bundle_age_hours'),
    maxClockSkewMinutes: uint(fields.get(14), 'max_clock_skew_minutes'),
    maxRelayHours: uint(fields.get(15), 'max_relay_hours'),
    acceptBelowScore: uint(fields.get(16), 'accept_below_score', SCORE_SCALE) / SCORE_SCALE,
    quarantineAboveScore: uint(fields.get(17), 'quarantine_above_score', SCORE_SCALE) / SCORE_SCALE,
    maxDaysSinceSync: uint(fields.get(18), 'max_days_since_sync'),
    personDailyValue: uint(fields.get(19), 'person_daily_value'),
    maxOfflineValueBetweenSyncs: uint(fields.get(20), 'max_offline_value_between_syncs'),
    mandatePaymentMax: uint(fields.get(21), 'mandate_payment_max'),
    mandateDayMax: uint(fields.get(22), 'mandate_day_max'),
    allowanceMax: uint(fields.get(23), 'allowance_max'),
  }
}
