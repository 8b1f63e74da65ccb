import type { Country } from '../../protocol/policy.ts'
import { selectPage, Where } from './query.ts'

/** What devices sent on a day, as the read model knows it: what was admitted, and what has become of it. */
export interface Day {
  readonly country: Country
  /** Received in `[fromMs, toMs)`. */
  readonly fromMs: number
  readonly toMs: number
}

export interface ReceivedBundle {
  readonly bundle_id: string
  readonly device_id: string
  readonly currency: string
  readonly admitted_count: number
  readonly admitted_amount: number
  readonly received_at: number
}

const RECEIVED =
  'SELECT bundle_id, device_id, currency, admitted_count, admitted_amount, received_at FROM offline_tx_bundles'

/** The bundles of a day in the order of their arrival. @param after sort key of the last bundle of the page before */
export function listReceived(
  db: D1Database,
  { country, fromMs, toMs }: Day,
  after: readonly [receivedAt: number, bundleId: string, deviceId: string] | undefined,
  limit: number,
): Promise<readonly ReceivedBundle[]> {
  const where = new Where().and('country = ?', country).and('received_at >= ?', fromMs).and('received_at < ?', toMs)
  if (after) where.and('(received_at, bundle_id, device_id) > (?, ?, ?)', ...after)
  return selectPage(db, RECEIVED, where, 'received_at, bundle_id, device_id', limit)
}

/** Bundles of one state; the device is null where all are taken together. */
export interface BundleGroup {
  readonly device_id: string | null
  readonly currency: string
  readonly status: string
  readonly bundles: number
  readonly admitted_count: number
  readonly admitted_amount: number
}

export interface PaymentGroup {
  readonly device_id: string | null
  readonly currency: string
  readonly status: string
  readonly payments: number
}

export interface Groups {
  readonly bundles: readonly BundleGroup[]
  readonly payments: readonly PaymentGroup[]
}

/** Of the whole day, or of one tenant's devices on it. */
export async function totalsOf(db: D1Database, day: Day, tenant: string | undefined): Promise<Groups> {
  const where = new Where()
    .and('b.country = ?', day.country)
    .and('b.received_at >= ?', day.fromMs)
    .and('b.received_at < ?', day.toMs)
    .and('b.tenant = ?', tenant)
  return grouped(db, 'offline_tx_bundles b', where, 'NULL', [])
}

/** What each of these devices sent on the day, found through the index of their bundles. */
export async function groupsOf(db: D1Database, day: Day, deviceIds: readonly string[]): Promise<Groups> {
  const where = new Where()
    .and('b.received_at >= ?', day.fromMs)
    .and('b.received_at < ?', day.toMs)
    .and('b.country = ?', day.country)
  const from = 'json_each(?) d CROSS JOIN offline_tx_bundles b ON b.device_id = d.value'
  return grouped(db, from, where, 'b.device_id', [JSON.stringify(deviceIds)])
}

async function grouped(
  db: D1Database,
  from: string,
  where: Where,
  deviceId: string,
  before: readonly unknown[],
): Promise<Groups> {
  const values = [...before, ...where.values]
  const [bundles, payments] = await db.batch([
    db
      .prepare(
        `SELECT ${deviceId} AS device_id, b.currency, b.status, COUNT(*) AS bundles,
          SUM(b.admitted_count) AS admitted_count, SUM(b.admitted_amount) AS admitted_amount
          FROM ${from} ${where.sql} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
      )
      .bind(...values),
    db
      .prepare(
        `SELECT ${deviceId} AS device_id, b.currency, json_extract(p.value, '$[2]') AS status,
          SUM(json_extract(p.value, '$[1]') - json_extract(p.value, '$[0]') + 1) AS payments
          FROM ${from}, json_each(b.payments) p ${where.sql} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
      )
      .bind(...values),
  ])
  return { bundles: bundles?.results as BundleGroup[], payments: payments?.results as PaymentGroup[] }
}
