import type pg from 'pg'
import { openPolicyVersion, type SignedVersion } from '../../src/crypto/policy-version.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { calendarDay } from '../../src/protocol/activity.ts'
import { FIRST_VERSION, firstPolicy } from '../../src/protocol/first-policies.ts'
import type { Country, Policy } from '../../src/protocol/policy.ts'
import { isTransient } from '../db.ts'
import { faultOf, type Log } from '../log.ts'
import type { Edge } from '../tell/edge.ts'

export const policyKey = (country: string, version: number): string => `${country}/${version}`

/** Versions of policies, by `policyKey`; those that nobody knows yet are missing. */
export type PolicyReader = (
  wanted: readonly { readonly country: Country; readonly policyVersion: number }[],
) => Promise<ReadonlyMap<string, Policy>>

export interface PolicyDeps {
  readonly pool: pg.Pool
  /** The edge's receipt keys. */
  readonly trusted: readonly TrustedKey[]
  readonly edge: Pick<Edge, 'policy'>
  readonly log: Log
}

/**
 * Memory, then Postgres, then the edge: people change policies there, and a version is asked for when the first bundle
 * under it arrives. The first versions are code; any other is what the edge signed, wherever it was read. A version never
 * changes, so what was read once is kept, and the first that is written stays. Called before anything is locked. While the
 * edge does not answer, the bundle waits.
 */
export function policyReader(deps: PolicyDeps): PolicyReader {
  const known = new Map<string, Policy>()
  return async (wanted) => {
    for (const { country, policyVersion } of wanted) if (policyVersion === FIRST_VERSION) keep(firstPolicy(country))
    const missing = () =>
      new Map(
        wanted.flatMap(({ country, policyVersion: version }) => {
          const key = policyKey(country, version)
          return known.has(key) ? [] : [[key, { country, version }] as const]
        }),
      )
    for (const policy of await readPolicies(deps, [...missing().values()])) keep(policy)
    if (missing().size > 0) {
      const fetched = await Promise.all([...missing().values()].map((version) => fetchPolicy(deps, version)))
      await insertPolicies(
        deps,
        fetched.flatMap((version) => version ?? []),
      )
      for (const policy of await readPolicies(deps, [...missing().values()])) keep(policy)
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

/** The columns are for queries: what is applied comes out of the signed bytes. */
async function readPolicies(
  { pool, trusted, log }: PolicyDeps,
  versions: readonly Version[],
): Promise<readonly Policy[]> {
  if (versions.length === 0) return []
  const { rows } = await pool.query<Version & { signed: Uint8Array }>(
    `SELECT country, version, signed FROM offline_policies
     WHERE signed IS NOT NULL AND (country, version) IN (SELECT * FROM unnest($1::text[], $2::int[]))`,
    [versions.map(({ country }) => country), versions.map(({ version }) => version)],
  )
  const opened = await Promise.all(rows.map((row) => openVersion(row.signed, row, trusted)))
  return opened.flatMap((version, at) => {
    if (version !== undefined) return version.policy
    log.error(
      { country: rows[at]?.country, version: rows[at]?.version },
      'a recorded policy that the edge did not sign',
    )
    return []
  })
}

/** @returns undefined when the edge did not sign it as this version */
async function openVersion(
  signed: Uint8Array,
  { country, version }: Version,
  trusted: readonly TrustedKey[],
): Promise<SignedVersion | undefined> {
  const opened = await openPolicyVersion(new Uint8Array(signed), trusted)
  return opened?.policy.country === country && opened.policy.version === version ? opened : undefined
}

/** @returns undefined while the edge does not say, or says what it has not signed */
export async function fetchPolicy(
  { edge, trusted, log }: Pick<PolicyDeps, 'edge' | 'trusted' | 'log'>,
  wanted: Version,
): Promise<SignedVersion | undefined> {
  const { country, version } = wanted
  try {
    const signed = await edge.policy(country, version)
    const opened = signed && (await openVersion(signed, wanted, trusted))
    if (signed === undefined) log.error({ country, version }, 'the edge does not know the policy that it judged by')
    else if (opened === undefined) log.error({ country, version }, 'a policy that the edge did not sign')
    // Days are counted in its zone: one that this runtime does not know must not get as far as posting.
    else calendarDay(0, opened.policy.timeZone)
    return opened
  } catch (error) {
    log.warn({ country, version, fault: faultOf(error) }, 'policy not fetched')
    return undefined
  }
}

/** One by one: a policy that the database's own rules refuse keeps no other from being written. */
async function insertPolicies({ pool, log }: PolicyDeps, versions: readonly SignedVersion[]): Promise<void> {
  for (const { policy, signed } of versions) {
    const { country, version } = policy
    try {
      // On record by a trigger, with all that it says.
      await pool.query(INSERT, [...policyColumns(policy), signed])
    } catch (error) {
      if (isTransient(error)) throw error
      log.error({ country, version, fault: faultOf(error) }, 'policy not recorded')
    }
  }
}

/** What the columns of a version say, in the order of `policyColumns`. */
export const POLICY_COLUMNS = [
  ...['country', 'version', 'enabled', 'currency', 'time_zone', 'max_offline_amount'],
  ...['max_offline_per_device_per_day', 'max_offline_value_per_device_per_day', 'require_payer_proof_above'],
  ...['require_agent_approval_above', 'require_manual_review_above', 'allowed_methods'],
  ...['max_bundle_age_hours', 'max_clock_skew_minutes', 'max_relay_hours'],
  ...['accept_below_score', 'quarantine_above_score', 'max_days_since_sync', 'person_daily_value'],
  ...['max_offline_value_between_syncs', 'mandate_payment_max', 'mandate_day_max', 'allowance_max'],
]

const INSERT = `INSERT INTO offline_policies (${POLICY_COLUMNS.join(', ')}, signed)
  VALUES (${POLICY_COLUMNS.map((_, index) => `$${index + 1}`).join(', ')}, $${POLICY_COLUMNS.length + 1})
  ON CONFLICT (country, version) DO NOTHING`

export function policyColumns(policy: Policy): unknown[] {
  return [
    ...[policy.country, policy.version, policy.enabled, policy.currency, policy.timeZone, policy.maxOfflineAmount],
    ...[policy.maxOfflinePerDevicePerDay, policy.maxOfflineValuePerDevicePerDay, policy.requirePayerProofAbove],
    ...[policy.requireAgentApprovalAbove, policy.requireManualReviewAbove, policy.allowedMethods],
    ...[policy.maxBundleAgeHours, policy.maxClockSkewMinutes, policy.maxRelayHours],
    ...[policy.acceptBelowScore, policy.quarantineAboveScore, policy.maxDaysSinceSync, policy.personDailyValue],
    ...[policy.maxOfflineValueBetweenSyncs, policy.mandatePaymentMax, policy.mandateDayMax, policy.allowanceMax],
  ]
}
