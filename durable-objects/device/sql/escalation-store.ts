import type { Escalation } from '../../../src/risk/sira-request.ts'

/** SQL of what people have to look at. It is kept; what SIRA has not taken is owed to it. */
type Stored = Pick<Escalation, 'kind' | 'seq' | 'digests' | 'atMs'> & { readonly id: number }

/** @returns its number, which names it to SIRA for ever */
export function insertEscalation(sql: SqlStorage, { kind, seq, digests, atMs }: Omit<Stored, 'id'>): number {
  return sql
    .exec<{ id: number }>(
      'INSERT INTO escalations (kind, seq, digests, at, told) VALUES (?, ?, ?, ?, 0) RETURNING id',
      ...[kind, seq, JSON.stringify(digests), atMs],
    )
    .one().id
}

/** When one of this kind was raised last. */
export function lastRaisedMs(sql: SqlStorage, kind: Escalation['kind']): number | undefined {
  const query = 'SELECT MAX(at) AS at FROM escalations WHERE kind = ?'
  return sql.exec<{ at: number | null }>(query, kind).one().at ?? undefined
}

/** What SIRA has not taken yet, the first of it. */
export function readUntold(sql: SqlStorage): readonly Stored[] {
  const query = 'SELECT id, kind, seq, digests, at FROM escalations WHERE told = 0 ORDER BY id LIMIT 100'
  return sql
    .exec(query)
    .toArray()
    .map((row) => ({
      id: row['id'] as number,
      kind: row['kind'] as Escalation['kind'],
      seq: row['seq'] as number,
      digests: JSON.parse(row['digests'] as string) as string[],
      atMs: row['at'] as number,
    }))
}

export function owedEscalations(sql: SqlStorage): { readonly count: number; readonly sinceMs: number | null } {
  const query = 'SELECT COUNT(*) AS count, MIN(at) AS sinceMs FROM escalations WHERE told = 0'
  return sql.exec<{ count: number; sinceMs: number | null }>(query).one()
}

export function markTold(sql: SqlStorage, id: number): void {
  sql.exec('UPDATE escalations SET told = 1 WHERE id = ?', id)
}
