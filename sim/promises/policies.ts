import type { SimEdge } from '../cloudflare/edge.ts'

/** A version of a country's rules, as its row in D1 says it. Amounts are minor units. */
export interface PolicyRow {
  readonly country: string
  readonly version: number
  readonly enabled: number
  readonly currency: string
  readonly time_zone: string
  readonly max_offline_amount: number
  readonly max_offline_per_device_per_day: number
  readonly max_offline_value_per_device_per_day: number
  readonly require_payer_proof_above: number
  readonly require_agent_approval_above: number
  readonly require_manual_review_above: number
  readonly max_bundle_age_hours: number
  readonly max_clock_skew_minutes: number
  readonly accept_below_score: number
  readonly quarantine_above_score: number
  readonly review_two_people_above: number
  /** JSON. */
  readonly allowed_methods: string
}

/** @returns `SN/3` → the version */
export function policyRows(edge: SimEdge): ReadonlyMap<string, PolicyRow> {
  const rows = edge.readD1('SELECT * FROM offline_policies') as unknown as readonly PolicyRow[]
  return new Map(rows.map((row) => [`${row.country}/${row.version}`, row]))
}

/** The version of a country that was made last. */
export function newestPolicy(edge: SimEdge, country: string): PolicyRow {
  const sql = 'SELECT * FROM offline_policies WHERE country = ? ORDER BY version DESC LIMIT 1'
  return edge.readD1(sql, country)[0] as unknown as PolicyRow
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** None of these countries puts its clocks forward or back. */
const HOURS_EAST: Readonly<Record<string, number>> = { 'Africa/Porto-Novo': 1 }

/** @returns the day of an instant, counted from 1970, by the clocks of the policy's country */
export const dayIn = ({ time_zone }: Pick<PolicyRow, 'time_zone'>, atMs: number): number =>
  Math.floor((atMs + (HOURS_EAST[time_zone] ?? 0) * HOUR_MS) / DAY_MS)

/** @returns `2026-11-30` */
export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)
