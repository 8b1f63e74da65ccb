import { AUDIT_SOURCES, type AuditFilter, after, type Order, type Position } from './audit-sources.ts'
import type { AuditRow } from './index-message.ts'
import { selectPages } from './query.ts'

export type { AuditFilter }

export interface AuditEntry {
  readonly position: Position
  readonly record: AuditRow
}

/**
 * A page of the audit log and one entry more, out of all tables that hold records of it.
 *
 * @param order of time; the records of a bundle's usual course stand at the time of its admission
 */
export async function listAudit(
  db: D1Database,
  filter: AuditFilter,
  limit: number,
  order: Order = 'desc',
): Promise<readonly AuditEntry[]> {
  // The plus keeps the indexes of other orders out of it: a bundle's id finds the little that there is of it.
  const plus = filter.bundleId === undefined ? '' : '+'
  const queries = AUDIT_SOURCES.flatMap((source) =>
    source.find(filter).map((where) => ({
      source,
      select: source.select,
      where: filter.after === undefined ? where : after(source, where, order, filter.after),
      orderBy: source.sortedBy.map((column) => `${plus}${column} ${order}`).join(', '),
    })),
  )
  const pages = await selectPages(db, queries, limit)
  const entries = queries.flatMap(({ source }, index) =>
    (pages[index] ?? []).map((row): AuditEntry => {
      const { at, ids, record } = source.entryOf(row as never)
      return { position: [at, [source.letter, ...ids].join(' ')], record }
    }),
  )
  const sign = order === 'asc' ? 1 : -1
  return entries.sort((a, b) => sign * compared(a.position, b.position)).slice(0, limit + 1)
}

function compared([at, key]: Position, [otherAt, otherKey]: Position): number {
  if (at !== otherAt) return at - otherAt
  return key < otherKey ? -1 : Number(key > otherKey)
}

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
