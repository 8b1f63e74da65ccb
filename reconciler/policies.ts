import type pg from 'pg'
import { currency } from '../src/protocol/money.ts'
import type { PaymentMethod } from '../src/protocol/payment.ts'
import type { Country, Policy } from '../src/protocol/policy.ts'

interface PolicyRow {
  country: Country
  version: number
  enabled: boolean
  currency: string
  time_zone: string
  max_offline_amount: number
  max_offline_per_device_per_day: number
  max_offline_value_per_device_per_day: number
  require_payer_proof_above: number
  require_agent_approval_above: number
  require_manual_review_above: number
  allowed_methods: PaymentMethod[]
  max_bundle_age_hours: number
  max_clock_skew_minutes: number
  max_relay_hours: number
  accept_below_score: number
  quarantine_above_score: number
  max_days_since_sync: number
}

export const policyKey = (country: string, version: number): string => `${country}/${version}`

/** Versions of policies, by `policyKey`. A version never changes, so what was read once is kept. */
export function policyReader(pool: pg.Pool) {
  const known = new Map<string, Policy>()
  return async (
    wanted: readonly { country: Country; policyVersion: number }[],
  ): Promise<ReadonlyMap<string, Policy>> => {
    const missing = wanted.filter(({ country, policyVersion }) => !known.has(policyKey(country, policyVersion)))
    if (missing.length > 0) {
      const { rows } = await pool.query<PolicyRow>(
        `SELECT * FROM offline_policies WHERE (country, version) IN (SELECT * FROM unnest($1::text[], $2::int[]))`,
        [missing.map(({ country }) => country), missing.map(({ policyVersion }) => policyVersion)],
      )
      for (const row of rows) known.set(policyKey(row.country, row.version), policyOf(row))
    }
    return known
  }
}

export type PolicyReader = ReturnType<typeof policyReader>

function policyOf(row: PolicyRow): Policy {
  return {
    country: row.country,
    version: row.version,
    enabled: row.enabled,
    currency: currency(row.currency),
    timeZone: row.time_zone,
    maxOfflineAmount: row.max_offline_amount,
    maxOfflinePerDevicePerDay: row.max_offline_per_device_per_day,
    maxOfflineValuePerDevicePerDay: row.max_offline_value_per_device_per_day,
    requirePayerProofAbove: row.require_payer_proof_above,
    requireAgentApprovalAbove: row.require_agent_approval_above,
    requireManualReviewAbove: row.require_manual_review_above,
    allowedMethods: row.allowed_methods,
    maxBundleAgeHours: row.max_bundle_age_hours,
    maxClockSkewMinutes: row.max_clock_skew_minutes,
    maxRelayHours: row.max_relay_hours,
    acceptBelowScore: row.accept_below_score,
    quarantineAboveScore: row.quarantine_above_score,
    maxDaysSinceSync: row.max_days_since_sync,
  }
}
