import type { Escalation } from '../../../src/risk/sira-request.ts'
import { allOf, type Columns, fieldsOf, insertInto, json, plain, rowsOf } from './columns.ts'

/** SQL of what people have to look at. It is kept; what SIRA has not taken is owed to it. */
type Stored = Pick<Escalation, 'kind' | 'seq' | 'digests' | 'atMs'> & { readonly id: number }

const columns: Columns<Stored> = {
  id: plain('id'),
  kind: plain('kind'),
  seq: plain('seq'),
  digests: json('digests'),
  atMs: plain('at'),
}
const ESCALATION = allOf(columns)
const NEW = fieldsOf(columns, ['kind', 'seq', 'digests', 'atMs'])
const INSERT = `${insertInto('escalations', NEW)} RETURNING id`
const UNTOLD = `SELECT ${ESCALATION.names} FROM escalations WHERE told = 0 ORDER BY id LIMIT 100`

/** @returns its number, which names it to SIRA for ever */
export const insertEscalation = (sql: SqlStorage, escalation: Omit<Stored, 'id'>): number =>
  sql.exec<{ id: number }>(INSERT, ...NEW.encode(escalation)).one().id

/** When one of this kind was raised last. */
export function lastRaisedMs(sql: SqlStorage, kind: Escalation['kind']): number | undefined {
  const query = 'SELECT MAX(at) AS at FROM escalations WHERE kind = ?'
  return sql.exec<{ at: number | null }>(query, kind).one().at ?? undefined
}

/** What SIRA has not taken yet, the first of it. */
export const readUntold = (sql: SqlStorage): readonly Stored[] => rowsOf(sql, UNTOLD).map(ESCALATION.decode)

export function owedEscalations(sql: SqlStorage): { readonly count: number; readonly sinceMs: number | null } {
  const query = 'SELECT COUNT(*) AS count, MIN(at) AS sinceMs FROM escalations WHERE told = 0'
  return sql.exec<{ count: number; sinceMs: number | null }>(query).one()
}

export function markTold(sql: SqlStorage, id: number): void {
  sql.exec('UPDATE escalations SET told = 1 WHERE id = ?', id)
}
