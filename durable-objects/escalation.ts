import { logger } from '../src/log.ts'
import type { Escalation as Sira } from '../src/risk/sira-request.ts'
import { audited } from './audit.ts'
import type { AuditRecord } from './owed-store.ts'

/**
 * A device that told two stories is more than a refusal: somebody has to look. The escalation is kept in the object,
 * shown to people through its audit record, and told to SIRA, which takes the same id any number of times.
 */
export type EscalationKind = Sira['kind']

export interface Escalation {
  readonly id: number
  readonly kind: EscalationKind
  readonly seq: number
  readonly atMs: number
}

/** Call it in the transaction that keeps the evidence. */
export function raise(sql: SqlStorage, kind: EscalationKind, seq: number, nowMs: number): AuditRecord {
  const { id } = sql
    .exec<{ id: number }>(
      'INSERT INTO escalations (kind, seq, at, told) VALUES (?, ?, ?, 0) RETURNING id',
      ...[kind, seq, nowMs],
    )
    .one()
  logger.warn('escalation', { kind, seq })
  return audited(sql, nowMs, { actor: 'system' }, 'escalation_raised', { kind, seq, escalation: id })
}

/** What SIRA has not taken yet. */
export function readUntold(sql: SqlStorage): readonly Escalation[] {
  const rows = sql.exec('SELECT id, kind, seq, at FROM escalations WHERE told = 0 ORDER BY id LIMIT 100').toArray()
  return rows.map((row) => ({
    id: row['id'] as number,
    kind: row['kind'] as EscalationKind,
    seq: row['seq'] as number,
    atMs: row['at'] as number,
  }))
}

export function markTold(sql: SqlStorage, id: number): void {
  sql.exec('UPDATE escalations SET told = 1 WHERE id = ?', id)
}
