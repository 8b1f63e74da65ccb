import type { AuditRow } from './index-message.ts'
import { selectPage, Where } from './query.ts'

export interface AuditFilter {
  readonly deviceId?: string | undefined
  readonly bundleId?: string | undefined
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly tenant?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Sort key of the last record of the page before. */
  readonly after?: readonly [at: number, id: string] | undefined
}

type StoredAudit = {
  readonly id: string
  readonly device_id: string | null
  readonly tenant: string | null
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly bundle_id: string | null
  readonly request_id: string | null
  readonly detail: string
}

const SELECT = 'SELECT id, device_id, tenant, at, actor, action, bundle_id, request_id, detail FROM offline_audit_logs'

/** @param order of time; records of one millisecond in the order of their ids */
export async function listAudit(
  db: D1Database,
  filter: AuditFilter,
  limit: number,
  order: 'asc' | 'desc' = 'desc',
): Promise<readonly AuditRow[]> {
  const where = new Where()
    .and('device_id = ?', filter.deviceId)
    .and('tenant = ?', filter.tenant)
    .and('actor = ?', filter.actor)
    .and('bundle_id = ?', filter.bundleId)
    .and('at >= ?', filter.from)
    .and('at < ?', filter.to)
    .and('action = ?', filter.action)
  // Word for word the conditions of the partial indexes.
  if (isRare(filter.actor, ['device', 'reconciler'])) where.and("actor NOT IN ('device', 'reconciler')")
  if (isRare(filter.action, ['bundle_admitted', 'bundle_settled'])) {
    where.and("action NOT IN ('bundle_admitted', 'bundle_settled')")
  }
  if (filter.after) where.and(`(at, id) ${order === 'asc' ? '>' : '<'} (?, ?)`, ...filter.after)
  const rows = await selectPage<StoredAudit>(db, SELECT, where, `at ${order}, id ${order}`, limit)
  return rows.map(({ device_id, bundle_id, request_id, detail, ...row }) => ({
    ...row,
    deviceId: device_id,
    bundleId: bundle_id,
    requestId: request_id,
    detail: JSON.parse(detail) as AuditRow['detail'],
  }))
}

const isRare = (value: string | undefined, usual: readonly string[]) => value !== undefined && !usual.includes(value)

/** For a change that D1 itself holds: the record goes into the batch that makes it. */
export function auditInsert(db: D1Database, row: AuditRow): D1PreparedStatement {
  const { id, deviceId, tenant, at, actor, action, bundleId, requestId, detail } = row
  return db
    .prepare(
      `INSERT INTO offline_audit_logs (id, device_id, tenant, at, actor, action, bundle_id, request_id, detail)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .bind(id, deviceId, tenant, at, actor, action, bundleId, requestId, JSON.stringify(detail))
}
