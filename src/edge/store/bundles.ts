import { and, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { COUNTRIES, type Country } from '../../protocol/policy.ts'
import type { BundleStatus } from '../../protocol/states.ts'
import { selectPage, selectPages, Where } from './query.ts'
import { bundles } from './schema.ts'

/**
 * Bundles with this id: one, unless several devices chose the same.
 *
 * @param narrowed undefined: any
 * @returns two at the most, which is enough to say that it is not clear which one is meant
 */
export function findBundles(
  db: D1Database,
  bundleId: string,
  narrowed: { readonly deviceId: string | undefined; readonly tenant: string | undefined },
) {
  const { deviceId, tenant } = narrowed
  const conditions = [
    eq(bundles.bundleId, bundleId),
    ...(deviceId === undefined ? [] : [eq(bundles.deviceId, deviceId)]),
    // The plus keeps the tenant's index out of it: it would look through all that the tenant has.
    ...(tenant === undefined ? [] : [sql`+${bundles.tenant} = ${tenant}`]),
  ]
  return drizzle(db)
    .select()
    .from(bundles)
    .where(and(...conditions))
    .limit(2)
}

export interface BundleFilter {
  readonly country?: Country | undefined
  readonly tenant?: string | undefined
  readonly deviceId?: string | undefined
  readonly status?: BundleStatus | undefined
  /** Received in `[from, to)`. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Sort key of the last item of the page before. */
  readonly after?: readonly [receivedAt: number, bundleId: string, deviceId: string] | undefined
}

export interface ListedBundle {
  readonly bundle_id: string
  readonly device_id: string
  readonly country: Country
  readonly tenant: string
  readonly seq: number
  readonly status: BundleStatus
  readonly rev: number
  readonly currency: string
  readonly first_counter: number
  readonly last_counter: number
  readonly admitted_count: number
  readonly admitted_amount: number
  readonly risk_score: number
  readonly received_at: number
  readonly updated_at: number
}

const LISTED = `SELECT bundle_id, device_id, country, tenant, seq, status, rev, currency, first_counter, last_counter,
  admitted_count, admitted_amount, risk_score, received_at, updated_at FROM offline_tx_bundles`

/** The latest first. Of all countries they are read country by country: an index by time alone would cost each push a row. */
export async function listBundles(
  db: D1Database,
  filter: BundleFilter,
  limit: number,
): Promise<readonly ListedBundle[]> {
  const { country, tenant, deviceId } = filter
  const isNarrowed = country !== undefined || tenant !== undefined || deviceId !== undefined
  const listings = (isNarrowed ? [country] : COUNTRIES).map((one) => {
    const where = narrowed({ ...filter, country: one })
    if (filter.after) where.and('(received_at, bundle_id, device_id) < (?, ?, ?)', ...filter.after)
    return { select: LISTED, where, orderBy: 'received_at DESC, bundle_id DESC, device_id DESC' }
  })
  const found = (await selectPages(db, listings, limit)).flat() as ListedBundle[]
  return listings.length === 1 ? found : found.sort(latestFirst).slice(0, limit + 1)
}

function latestFirst(a: ListedBundle, b: ListedBundle): number {
  if (a.received_at !== b.received_at) return b.received_at - a.received_at
  const [key, other] = [a, b].map(({ bundle_id, device_id }) => `${bundle_id} ${device_id}`) as [string, string]
  return key < other ? 1 : Number(key > other) * -1
}

export interface WaitingBundle extends Pick<ListedBundle, 'bundle_id' | 'device_id' | 'country' | 'tenant' | 'seq'> {
  readonly status: BundleStatus
  readonly rev: number
  readonly currency: string
  readonly risk_score: number
  /** JSON. */
  readonly risk_reasons: string
  readonly received_at: number
  readonly payments: string
  readonly digest: ArrayBuffer
}

const WAITING = `SELECT bundle_id, device_id, country, tenant, seq, status, rev, currency, risk_score, risk_reasons,
  received_at, payments, digest FROM offline_tx_bundles`

/** Bundles with payments that wait for a person, the longest waiting first. */
export function listWaiting(db: D1Database, filter: BundleFilter, limit: number): Promise<readonly WaitingBundle[]> {
  // Word for word the condition of the partial index.
  const where = narrowed(filter).and("status IN ('review', 'quarantined')")
  if (filter.after) where.and('(received_at, bundle_id, device_id) > (?, ?, ?)', ...filter.after)
  return selectPage(db, WAITING, where, 'received_at, bundle_id, device_id', limit)
}

/** The newest bundles that wait, as far as is needed to see who stands in them. */
export function waitingPayments(
  db: D1Database,
  tenant: string | undefined,
  limit: number,
): Promise<readonly Pick<WaitingBundle, 'bundle_id' | 'device_id' | 'payments' | 'digest'>[]> {
  const where = new Where().and('tenant = ?', tenant).and("status IN ('review', 'quarantined')")
  const columns = 'bundle_id, device_id, payments, digest'
  return selectPage(
    db,
    `SELECT ${columns} FROM offline_tx_bundles`,
    where,
    'received_at DESC, bundle_id, device_id',
    limit,
  )
}

function narrowed({ country, tenant, deviceId, status, from, to }: BundleFilter): Where {
  return new Where()
    .and('device_id = ?', deviceId)
    .and('tenant = ?', tenant)
    .and('country = ?', country)
    .and('status = ?', status)
    .and('received_at >= ?', from)
    .and('received_at < ?', to)
}

/** A bundle with what is needed to judge its payments once more. */
export interface JudgedBundle {
  readonly bundle_id: string
  readonly seq: number
  readonly received_at: number
  readonly risk_score: number
  /** JSON. */
  readonly risk_reasons: string
  readonly digest: ArrayBuffer
}

/** Bundles of a device in the order of their arrival. */
export async function bundlesSince(
  db: D1Database,
  deviceId: string,
  after: { receivedAt: number; bundleId: string },
  limit: number,
): Promise<readonly JudgedBundle[]> {
  const statement = db.prepare(
    `SELECT bundle_id, seq, received_at, risk_score, risk_reasons, digest FROM offline_tx_bundles
      WHERE device_id = ? AND (received_at, bundle_id) > (?, ?) ORDER BY received_at, bundle_id LIMIT ?`,
  )
  return (await statement.bind(deviceId, after.receivedAt, after.bundleId, limit).all<JudgedBundle>()).results
}
