import { and, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { COUNTRIES, type Country } from '../../protocol/policy.ts'
import { type BundleStatus, isWaiting, WAITING_STATUSES } from '../../protocol/states.ts'
import { deviceStub, type Env } from '../env.ts'
import { listWaiting } from './countries.ts'
import type { BundleRow } from './index-message.ts'
import { selectPages, Where } from './query.ts'
import { bundles } from './schema.ts'

/**
 * Bundles with this id: one, unless several devices chose the same. One that waits is as its Country Object has it, and one of a device
 * that is named as the device's object has it, when nobody else knows it.
 *
 * @param narrowed undefined: any
 * @returns two at the most, which is enough to say that it is not clear which one is meant
 */
export async function findBundles(
  env: Pick<Env, 'DB' | 'COUNTRY' | 'DEVICE'>,
  bundleId: string,
  narrowed: { readonly deviceId: string | undefined; readonly tenant: string | undefined },
): Promise<readonly BundleRow[]> {
  const [waiting, read] = await Promise.all([
    listWaiting(env, { ...narrowed, bundleId, statuses: WAITING_STATUSES, order: 'newest' }, 2),
    findInReadModel(env.DB, bundleId, narrowed),
  ])
  const found = new Map([...read, ...waiting].map((row) => [row.deviceId, row]))
  if (found.size > 0 || narrowed.deviceId === undefined) return [...found.values()].slice(0, 2)
  const own = await deviceStub(env, narrowed.deviceId).shownBundle(bundleId)
  const isSeen = own.ok && (narrowed.tenant === undefined || own.value.tenant === narrowed.tenant)
  return isSeen ? [own.value as BundleRow] : []
}

function findInReadModel(
  db: D1Database,
  bundleId: string,
  { deviceId, tenant }: { readonly deviceId: string | undefined; readonly tenant: string | undefined },
): Promise<readonly BundleRow[]> {
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

/**
 * The latest first. Those that wait are the Country Objects' to name, and stand in place of what D1 has of them: a row that is
 * gone there, or somewhere else, or says that nothing waits, hides nothing. Of all countries D1 is read country by country: an
 * index by time alone would cost each push a row.
 *
 * @returns one more than the limit when there are more, and those of them that wait
 */
export async function listBundles(
  env: Pick<Env, 'DB' | 'COUNTRY'>,
  filter: BundleFilter,
  limit: number,
): Promise<{ readonly rows: readonly ListedBundle[]; readonly waiting: readonly BundleRow[] }> {
  const { status, ...others } = filter
  const statuses = status === undefined ? WAITING_STATUSES : [status].filter(isWaiting)
  const [waiting, read] = await Promise.all([
    statuses.length === 0 ? [] : listWaiting(env, { ...others, statuses, order: 'newest' }, limit),
    status !== undefined && isWaiting(status) ? [] : readBundles(env.DB, filter, limit),
  ])
  const rows = new Map(read.map((row) => [nameOf(row), row]))
  for (const row of waiting.map(listedOf)) rows.set(nameOf(row), row)
  return { rows: [...rows.values()].sort(latestFirst).slice(0, limit + 1), waiting }
}

const nameOf = ({ bundle_id, device_id }: ListedBundle) => `${bundle_id} ${device_id}`

async function readBundles(db: D1Database, filter: BundleFilter, limit: number): Promise<readonly ListedBundle[]> {
  const { country, tenant, deviceId } = filter
  const isNarrowed = country !== undefined || tenant !== undefined || deviceId !== undefined
  const listings = (isNarrowed ? [country] : COUNTRIES).map((one) => {
    const where = narrowed({ ...filter, country: one })
    if (filter.after) where.and('(received_at, bundle_id, device_id) < (?, ?, ?)', ...filter.after)
    return { select: LISTED, where, orderBy: 'received_at DESC, bundle_id DESC, device_id DESC' }
  })
  return (await selectPages(db, listings, limit)).flat() as ListedBundle[]
}

const listedOf = (row: BundleRow): ListedBundle => ({
  bundle_id: row.bundleId,
  device_id: row.deviceId,
  country: row.country,
  tenant: row.tenant,
  seq: row.seq,
  status: row.status,
  rev: row.rev,
  currency: row.currency,
  first_counter: row.firstCounter,
  last_counter: row.lastCounter,
  admitted_count: row.admittedCount,
  admitted_amount: row.admittedAmount,
  risk_score: row.riskScore,
  received_at: row.receivedAt,
  updated_at: row.updatedAt,
})

function latestFirst(a: ListedBundle, b: ListedBundle): number {
  if (a.received_at !== b.received_at) return b.received_at - a.received_at
  const [key, other] = [a, b].map(({ bundle_id, device_id }) => `${bundle_id} ${device_id}`) as [string, string]
  return key < other ? 1 : Number(key > other) * -1
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
