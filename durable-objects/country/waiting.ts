import type { BundleRow } from '../../src/edge/store/index-message.ts'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'
import { isWaiting, type WaitingStatus } from '../../src/protocol/states.ts'
import { whereOf } from './terms.ts'

/** SQL of the bundles that wait. */
export interface WaitingFilter {
  readonly statuses: readonly WaitingStatus[]
  readonly tenant?: string | undefined
  readonly deviceId?: string | undefined
  readonly deviceIds?: readonly string[] | undefined
  readonly bundleId?: string | undefined
  /** Received in `[from, to)`. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly order: 'oldest' | 'newest'
  /** Sort key of the last one of the page before. */
  readonly after?: readonly [receivedAt: number, bundleId: string, deviceId: string] | undefined
}

const UPSERT = `
  INSERT INTO waiting (device_id, bundle_id, tenant, status, received_at, bundle) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET tenant = excluded.tenant, status = excluded.status, received_at = excluded.received_at,
    bundle = excluded.bundle`

export function keepBundle(sql: SqlStorage, row: BundleRow): void {
  const { deviceId, bundleId, tenant, status, receivedAt } = row
  if (isWaiting(status)) {
    sql.exec(UPSERT, deviceId, bundleId, tenant, status, receivedAt, textOf(row))
  } else sql.exec('DELETE FROM waiting WHERE device_id = ? AND bundle_id = ?', deviceId, bundleId)
}

/** @returns one more than the limit when there are more */
export function readWaiting(sql: SqlStorage, filter: WaitingFilter, limit: number): readonly BundleRow[] {
  const [than, direction] = filter.order === 'oldest' ? ['>', 'ASC'] : ['<', 'DESC']
  const { where, values } = whereOf([
    ['status IN (SELECT value FROM json_each(?))', JSON.stringify(filter.statuses)],
    ['tenant = ?', filter.tenant],
    ['device_id = ?', filter.deviceId],
    ['device_id IN (SELECT value FROM json_each(?))', filter.deviceIds && JSON.stringify(filter.deviceIds)],
    ['bundle_id = ?', filter.bundleId],
    ['received_at >= ?', filter.from],
    ['received_at < ?', filter.to],
    [`(received_at, bundle_id, device_id) ${than} (?, ?, ?)`, ...(filter.after ?? [undefined])],
  ])
  const order = ['received_at', 'bundle_id', 'device_id'].map((column) => `${column} ${direction}`).join()
  return sql
    .exec<{ bundle: string }>(`SELECT bundle FROM waiting ${where} ORDER BY ${order} LIMIT ?`, ...values, limit + 1)
    .toArray()
    .map(({ bundle }) => rowOf(bundle))
}

export interface WaitingSummary {
  readonly counts: Readonly<Partial<Record<WaitingStatus, number>>>
  /** When the oldest that waits for people came. */
  readonly oldestMs: number | null
}

export function summariseWaiting(sql: SqlStorage): WaitingSummary {
  const rows = sql
    .exec<{ status: WaitingStatus; count: number }>('SELECT status, COUNT(*) AS count FROM waiting GROUP BY status')
    .toArray()
  const { oldestMs } = sql
    .exec<{ oldestMs: number | null }>("SELECT MIN(received_at) AS oldestMs FROM waiting WHERE status <> 'claimed'")
    .one()
  return { counts: Object.fromEntries(rows.map(({ status, count }) => [status, count])), oldestMs }
}

const textOf = ({ digest, ...row }: BundleRow): string => JSON.stringify({ ...row, digest: toHex(digest) })

function rowOf(text: string): BundleRow {
  const { digest, ...row } = JSON.parse(text) as Omit<BundleRow, 'digest'> & { readonly digest: string }
  return { ...row, digest: fromHex(digest) }
}
