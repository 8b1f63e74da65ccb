import type pg from 'pg'
import type { Country } from '../../src/protocol/policy.ts'
import { DAY_MS } from '../../src/protocol/time.ts'
import { type Amount, isNothing, minus, sum } from './amount.ts'
import { compareBundles, countDevices, type DeviceCount, type Disagreement, type SettledBundle } from './compare.ts'
import type { EdgeReceived, EdgeSide } from './edge-received.ts'
import { type OpenBundle, openBundlesOf } from './open-bundles.ts'

/**
 * Received at the edge against posted here, for the bundles that the edge received on a day of the country's own
 * calendar:
 *
 *   settled bundles → their payments, by device and type → transfers in the ledger → why the rest was not posted
 *   bundles still in the inbox → why
 *   the edge's own word about each bundle and what it admitted of it → what has not arrived, and what does not agree
 *
 * What was received comes from the receipts and the opened bundles, what was posted from the ledger, and the reasons from
 * the payments: three sources, so that the sum proves something.
 */
export interface Report {
  readonly date: string
  readonly country: Country
  readonly timeZone: string
  readonly lines: readonly Line[]
  /** Received and not settled: sealed, so by device only. */
  readonly open: readonly OpenBundle[]
  readonly edge: EdgeSide
  readonly devices: readonly DeviceCount[]
  /** Where the edge's word about what it admitted and the book's differ; empty when it was not asked. */
  readonly disagreements: readonly Disagreement[]
  /** No difference is without a reason. */
  readonly explained: boolean
}

/** Payments of one device, type and currency. */
export interface Line {
  readonly deviceId: string
  /** `unknown` for a copy whose first payment has not arrived. */
  readonly type: string
  readonly currency: string
  readonly received: Amount
  readonly posted: Amount
  readonly differences: readonly Difference[]
  /** What remains when all differences are taken off: zero, or something is wrong. */
  readonly unexplained: Amount
}

export interface Difference extends Amount {
  /** `failed: insufficient_funds`, `refused: duplicate`, `review`, `reversed`. */
  readonly why: string
}

/** There is no policy for the country, and so no calendar. */
export class UnknownCountry extends Error {
  override name = 'UnknownCountry'
}

/**
 * How long after its day a bundle may be on its way: objects send what is owed again within minutes, and the queue keeps a
 * message for days. After that "not yet" is no reason any more.
 */
const LATE_MS = DAY_MS

/** @throws UnknownCountry */
export async function makeReport(
  pool: pg.Pool,
  date: string,
  country: Country,
  edge: EdgeReceived,
  nowMs: number,
  onPage: (bundles: number) => void = () => undefined,
): Promise<Report> {
  const { rows: zones } = await pool.query<{ time_zone: string; from: Date; to: Date }>(
    `SELECT time_zone, $2::date::timestamp AT TIME ZONE time_zone AS from,
            ($2::date + 1)::timestamp AT TIME ZONE time_zone AS to FROM get_offline_policy($1)`,
    [country, date],
  )
  const day = zones[0]
  if (day === undefined) throw new UnknownCountry(`there is no policy for ${country}`)
  const [groups, settled, open, edgeSide] = await Promise.all([
    paymentsOf(pool, country, day.from, day.to),
    bundlesOf(pool, country, day.from, day.to),
    openBundlesOf(pool, country, day.from, day.to),
    edge(date, country, onPage),
  ])
  const lines = [...Map.groupBy(groups, ({ device_id, type, currency }) => `${device_id}/${type}/${currency}`).values()]
    .map(lineOf)
    .sort((a, b) => compare(a.deviceId, b.deviceId) || compare(a.type, b.type) || compare(a.currency, b.currency))
  const sides = { settled, open, edge: edgeSide }
  const disagreements = compareBundles(sides, nowMs > day.to.getTime() + LATE_MS)
  return {
    date,
    country,
    timeZone: day.time_zone,
    lines,
    open,
    edge: edgeSide,
    devices: countDevices(sides),
    disagreements,
    explained:
      lines.every(({ unexplained }) => isNothing(unexplained)) && disagreements.every(({ why }) => why !== undefined),
  }
}

/** Payments of one device, type and currency that fared alike. */
interface Group {
  device_id: string
  type: string
  currency: string
  status: string
  reason: string | null
  count: number
  minor: number
  /** Of these, with a transfer in the ledger that was not undone. */
  posted: number
  posted_minor: number
}

async function paymentsOf(pool: pg.Pool, country: string, from: Date, to: Date): Promise<readonly Group[]> {
  const { rows } = await pool.query<Group>(
    `WITH received AS (
       SELECT device_id, bundle_id FROM offline_tx_bundles
       WHERE country = $1 AND received_at >= $2 AND received_at < $3
     ), payments AS (
       SELECT p.device_id, p.type, p.currency, p.status, p.reason, p.amount_minor,
              CASE WHEN r.transfer_id IS NULL THEN t.amount_minor END AS posted_minor
       FROM received JOIN offline_transactions p USING (device_id, bundle_id)
       LEFT JOIN wallet_core.transfers t
         ON t.source_id = p.device_id AND t.source_no = p.counter AND t.kind = 'payment'
       LEFT JOIN wallet_core.transfers r
         ON r.source_id = p.device_id AND r.source_no = p.counter AND r.kind = 'reversal'
       UNION ALL
       -- Of a copy only the hash is kept: with the same hash it is the same amount again.
       SELECT c.device_id, coalesce(p.type, 'unknown'), coalesce(p.currency, '-'), 'refused',
              CASE WHEN p.content_hash <> c.content_hash THEN 'duplicate with another content' ELSE 'duplicate' END,
              CASE WHEN p.content_hash = c.content_hash THEN p.amount_minor ELSE 0 END, NULL
       FROM received JOIN offline_tx_copies c USING (device_id, bundle_id)
       LEFT JOIN offline_transactions p USING (device_id, counter))
     SELECT device_id, type, currency, status, reason, count(*) AS count, sum(amount_minor)::bigint AS minor,
            count(posted_minor) AS posted, coalesce(sum(posted_minor), 0)::bigint AS posted_minor
     FROM payments GROUP BY device_id, type, currency, status, reason`,
    [country, from, to],
  )
  return rows
}

/** With what the edge did not refuse of each. */
async function bundlesOf(pool: pg.Pool, country: string, from: Date, to: Date): Promise<readonly SettledBundle[]> {
  const { rows } = await pool.query<SettledBundle>(
    `SELECT b.device_id, b.bundle_id, max(p.currency) AS currency, count(p.counter) AS count,
            coalesce(sum(p.amount_minor), 0)::bigint AS minor
     FROM offline_tx_bundles b
     LEFT JOIN offline_transactions p
       ON p.device_id = b.device_id AND p.bundle_id = b.bundle_id
      AND p.status <> 'refused'
     WHERE b.country = $1 AND b.received_at >= $2 AND b.received_at < $3
     GROUP BY b.device_id, b.bundle_id`,
    [country, from, to],
  )
  return rows
}

function lineOf(groups: readonly Group[]): Line {
  const { device_id, type, currency } = groups[0] as Group
  const received = sum(groups.map(({ count, minor }) => ({ count, minor })))
  const posted = sum(groups.map((group) => ({ count: group.posted, minor: group.posted_minor })))
  const differences = groups
    .filter(({ status }) => status !== 'succeeded')
    .map(({ status, reason, count, minor }) => ({
      why: reason === null ? status : `${status}: ${reason}`,
      count,
      minor,
    }))
    .sort((a, b) => compare(a.why, b.why))
  const explained = sum([posted, ...differences])
  const unexplained = minus(received, explained)
  return { deviceId: device_id, type, currency, received, posted, differences, unexplained }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
