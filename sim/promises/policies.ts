import { type CborValue, decodeCbor } from '../../src/protocol/cbor.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import type { SimEdge } from '../cloudflare/edge.ts'
import { FIRST_POLICIES } from '../model/first-policies.ts'

/** A version of a country's rules, as people made it and its signed bytes say it. Amounts are minor units. */
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
  readonly person_daily_value: number
  readonly max_offline_value_between_syncs: number
  readonly mandate_payment_max: number
  readonly mandate_day_max: number
  readonly allowance_max: number
  readonly effective_at: number
  /** JSON. */
  readonly allowed_methods: string
}

/** What thieves write to D1 has numbers from here on: people never come so far. */
export const FORGED_FROM = 1_000_000

/** @returns `SN/3` → the version */
export function policyRows(edge: SimEdge): ReadonlyMap<string, PolicyRow> {
  const sql = 'SELECT signed FROM offline_policies WHERE version < ?'
  const rows = [...FIRST, ...edge.readD1(sql, FORGED_FROM).map(({ signed }) => rowOf(signed as Uint8Array))]
  return new Map(rows.map((row) => [`${row.country}/${row.version}`, row]))
}

/** The version of a country that was made last. */
export function newestPolicy(edge: SimEdge, country: string): PolicyRow {
  const own = [...policyRows(edge).values()].filter((row) => row.country === country)
  return own.reduce((newest, row) => (row.version > newest.version ? row : newest))
}

/** Fields of a policy in the order of docs/protocol.md §6.3, from 1 on. */
const NAMES = [
  ...['country', 'version', 'enabled', 'currency', 'time_zone', 'max_offline_amount'],
  ...['max_offline_per_device_per_day', 'max_offline_value_per_device_per_day', 'require_payer_proof_above'],
  ...['require_agent_approval_above', 'require_manual_review_above', 'allowed_methods', 'max_bundle_age_hours'],
  ...['max_clock_skew_minutes', 'max_relay_hours', 'accept_below_score', 'quarantine_above_score'],
  ...['max_days_since_sync', 'person_daily_value', 'max_offline_value_between_syncs'],
  ...['mandate_payment_max', 'mandate_day_max', 'allowance_max'],
]
const METHODS = ['wallet', 'qr', 'ussd']

/** What was signed, read without the code that reads it for the edge. */
function rowOf(signed: Uint8Array): PolicyRow {
  const version = decodeCbor(parseSign1(new Uint8Array(signed)).payload) as ReadonlyMap<number, CborValue>
  const policy = version.get(1) as ReadonlyMap<number, CborValue>
  const fields = Object.fromEntries(NAMES.map((name, at) => [name, policy.get(at + 1)]))
  const methods = (fields['allowed_methods'] as readonly number[]).map((method) => METHODS[method])
  return {
    ...fields,
    ...{ enabled: Number(fields['enabled']), allowed_methods: JSON.stringify(methods) },
    accept_below_score: Number(fields['accept_below_score']) / 10_000,
    quarantine_above_score: Number(fields['quarantine_above_score']) / 10_000,
    review_two_people_above: Number(version.get(2)),
    effective_at: Number(version.get(3)),
  } as unknown as PolicyRow
}

const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const FIRST = FIRST_POLICIES.map((policy) => {
  const fields = Object.fromEntries(Object.entries(policy).map(([name, value]) => [snake(name), value]))
  const methods = JSON.stringify(policy.allowedMethods)
  const row = { ...fields, enabled: 1, allowed_methods: methods, review_two_people_above: 50_000, effective_at: 0 }
  return row as unknown as PolicyRow
})

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** None of these countries puts its clocks forward or back. */
const HOURS_EAST: Readonly<Record<string, number>> = { 'Africa/Porto-Novo': 1 }

/** @returns the day of an instant, counted from 1970, by the clocks of the policy's country */
export const dayIn = ({ time_zone }: Pick<PolicyRow, 'time_zone'>, atMs: number): number =>
  Math.floor((atMs + (HOURS_EAST[time_zone] ?? 0) * HOUR_MS) / DAY_MS)

/** @returns `2026-11-30` */
export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)
