import type pg from 'pg'
import { calendarDay } from '../../src/protocol/activity.ts'
import { currency } from '../../src/protocol/money.ts'
import type { PaymentMethod } from '../../src/protocol/payment.ts'
import type { Country, Policy } from '../../src/protocol/policy.ts'
import { record } from '../audit.ts'
import { isTransient, transact } from '../db.ts'
import { faultOf, type Log } from '../log.ts'
import type { Edge } from '../tell/edge.ts'

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

/** Versions of policies, by `policyKey`; those that nobody knows yet are missing. */
export type PolicyReader = (
  wanted: readonly { readonly country: Country; readonly policyVersion: number }[],
) => Promise<ReadonlyMap<string, Policy>>

export interface PolicyDeps {
  readonly pool: pg.Pool
  readonly edge: Pick<Edge, 'policy'>
  readonly clock: () => number
  readonly log: Log
}

/**
 * Memory, then Postgres, then the edge: people change policies there, and a version is asked for when the first bundle
 * under it arrives. A version never changes, so what was read once is kept, and the first that is written stays. Called
 * before anything is locked. While the edge does not answer, the bundle waits.
 */
export function policyReader(deps: PolicyDeps): PolicyReader {
  const known = new Map<string, Policy>()
  return async (wanted) => {
    const missing = () =>
      new Map(
        wanted.flatMap(({ country, policyVersion: version }) => {
          const key = policyKey(country, version)
          return known.has(key) ? [] : [[key, { country, version }] as const]
        }),
      )
    for (const policy of await readPolicies(deps.pool, [...missing().values()])) keep(policy)
    if (missing().size > 0) {
      const fetched = await Promise.all([...missing().values()].map((version) => fetchPolicy(deps, version)))
      await insertPolicies(
        deps,
        fetched.flatMap((policy) => policy ?? []),
      )
      for (const policy of await readPolicies(deps.pool, [...missing().values()])) keep(policy)
    }
    return known
  }

  function keep(policy: Policy): void {
    known.set(policyKey(policy.country, policy.version), policy)
  }
}

interface Version {
  readonly country: Country
  readonly version: number
}

async function readPolicies(pool: pg.Pool, versions: readonly Version[]): Promise<readonly Policy[]> {
  if (versions.length === 0) return []
  const { rows } = await pool.query<PolicyRow>(
    `SELECT * FROM offline_policies WHERE (country, version) IN (SELECT * FROM unnest($1::text[], $2::int[]))`,
    [versions.map(({ country }) => country), versions.map(({ version }) => version)],
  )
  return rows.map(policyOf)
}

/** @returns undefined while the edge does not say */
export async function fetchPolicy(
  { edge, log }: Pick<PolicyDeps, 'edge' | 'log'>,
  { country, version }: Version,
): Promise<Policy | undefined> {
  try {
    const policy = await edge.policy(country, version)
    if (policy === undefined) log.error({ country, version }, 'the edge does not know the policy that it judged by')
    // Days are counted in its zone: one that this runtime does not know must not get as far as posting.
    else calendarDay(0, policy.timeZone)
    return policy
  } catch (error) {
    log.warn({ country, version, fault: faultOf(error) }, 'policy not fetched')
    return undefined
  }
}

/** One by one: a policy that the database's own rules refuse keeps no other from being written. */
async function insertPolicies({ pool, clock, log }: PolicyDeps, policies: readonly Policy[]): Promise<void> {
  for (const policy of policies) {
    const { country, version } = policy
    try {
      await transact(pool, async (client) => {
        const { rowCount } = await client.query(INSERT, rowOf(policy))
        if (rowCount === 0) return
        const added = { stream: `policy:${country}`, action: 'policy_recorded' as const, detail: { country, version } }
        await record(client, [added], new Date(clock()))
      })
    } catch (error) {
      if (isTransient(error)) throw error
      log.error({ country, version, fault: faultOf(error) }, 'policy not recorded')
    }
  }
}

const INSERT = `INSERT INTO offline_policies (country, version, enabled, currency, time_zone, max_offline_amount,
    max_offline_per_device_per_day, max_offline_value_per_device_per_day, require_payer_proof_above,
    require_agent_approval_above, require_manual_review_above, allowed_methods, max_bundle_age_hours,
    max_clock_skew_minutes, max_relay_hours, accept_below_score, quarantine_above_score, max_days_since_sync)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
  ON CONFLICT (country, version) DO NOTHING`

function rowOf(policy: Policy): unknown[] {
  return [
    ...[policy.country, policy.version, policy.enabled, policy.currency, policy.timeZone, policy.maxOfflineAmount],
    ...[policy.maxOfflinePerDevicePerDay, policy.maxOfflineValuePerDevicePerDay, policy.requirePayerProofAbove],
    ...[policy.requireAgentApprovalAbove, policy.requireManualReviewAbove, policy.allowedMethods],
    ...[policy.maxBundleAgeHours, policy.maxClockSkewMinutes, policy.maxRelayHours],
    ...[policy.acceptBelowScore, policy.quarantineAboveScore, policy.maxDaysSinceSync],
  ]
}

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
