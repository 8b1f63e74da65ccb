import { owedDecisions } from './decision-store.ts'
import { toBundle } from './device-store.ts'
import type { Device, OwedSummary, StoredBundle } from './types.ts'

/** SQL of what is owed. Only rows above the low-water mark are looked at. */
const OWED = 'seq > ? AND (recorded = 0 OR indexed_rev < rev)'

export function readOwed(sql: SqlStorage, doneThrough: number, limit: number): StoredBundle[] {
  return sql
    .exec(`SELECT * FROM bundles WHERE ${OWED} ORDER BY seq LIMIT ?`, doneThrough, limit)
    .toArray()
    .map(toBundle)
}

export function owedSummary(sql: SqlStorage, device: Device): OwedSummary {
  const { settle, unindexed, oldest } = sql
    .exec<{ settle: number; unindexed: number; oldest: number | null }>(
      `SELECT COALESCE(SUM(recorded = 0), 0) AS settle, COALESCE(SUM(indexed_rev < rev), 0) AS unindexed,
        MIN(CASE WHEN recorded = 0 THEN received_at ELSE updated_at END) AS oldest FROM bundles WHERE ${OWED}`,
      device.doneThrough,
    )
    .one()
  const audit = lastAuditId(sql) - device.auditDoneThrough
  const own = { settle: device.recordedRev < device.rev ? 1 : 0, index: device.indexedRev < device.rev ? 1 : 0 }
  const decisions = owedDecisions(sql)
  const oldestMs = oldest === null ? decisions.oldestMs : Math.min(oldest, decisions.oldestMs ?? oldest)
  return { settle: settle + own.settle + decisions.count, index: unindexed + own.index + audit, oldestMs }
}

/** The read model shows these revisions. */
export function markIndexed(sql: SqlStorage, shown: ReadonlyMap<number, number>): void {
  for (const [seq, rev] of shown)
    sql.exec('UPDATE bundles SET indexed_rev = ? WHERE seq = ? AND rev = ?', rev, seq, rev)
}

/** Moves the low-water mark up to the last bundle before one that is owed. */
export function advanceDone(sql: SqlStorage): void {
  sql.exec(
    `UPDATE device SET done_through = COALESCE(
      (SELECT MIN(seq) - 1 FROM bundles WHERE seq > device.done_through AND (recorded = 0 OR indexed_rev < rev)), head)`,
  )
}

export interface AuditRecord {
  readonly id: number
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly bundleId: string | null
  readonly requestId: string | null
  readonly detail: Record<string, string | number>
}

/** Written in the same transaction as the change that it records. */
export function writeAudit(sql: SqlStorage, record: Omit<AuditRecord, 'id'>): AuditRecord {
  const { at, actor, action, bundleId, requestId, detail } = record
  const id = sql
    .exec<{ id: number }>(
      'INSERT INTO audit (at, actor, action, bundle_id, request_id, detail) VALUES (?, ?, ?, ?, ?, ?) RETURNING id',
      ...[at, actor, action, bundleId, requestId, JSON.stringify(detail)],
    )
    .one().id
  return { id, ...record }
}

export function readAudit(sql: SqlStorage, after: number, limit: number): AuditRecord[] {
  const rows = sql.exec('SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?', after, limit).toArray()
  return rows.map((row) => ({
    id: row['id'] as number,
    at: row['at'] as number,
    actor: row['actor'] as string,
    action: row['action'] as string,
    bundleId: row['bundle_id'] as string | null,
    requestId: row['request_id'] as string | null,
    detail: JSON.parse(row['detail'] as string) as Record<string, string | number>,
  }))
}

const lastAuditId = (sql: SqlStorage) =>
  sql.exec<{ last: number }>('SELECT COALESCE(MAX(id), 0) AS last FROM audit').one().last
