import type { ReviewVerdict } from '../../../src/protocol/messages.ts'
import type { Decision } from '../types.ts'
import { buffer } from './device-store.ts'

/** SQL of the decisions of people, which are owed to the reconciler until it has recorded them. */
export function insertDecision(sql: SqlStorage, decision: Omit<Decision, 'rev'>): Decision {
  const { kind, bundleId, seq, decisions, reason, atMs, actors } = decision
  const rev = sql
    .exec<{ rev: number }>(
      `INSERT INTO decisions (kind, bundle_id, seq, decisions, reason, at, actors, recorded)
        VALUES (?, ?, ?, ?, ?, ?, ?, 0) RETURNING rev`,
      ...[kind, buffer(bundleId), seq, JSON.stringify(decisions.map(({ counter, verdict }) => [counter, verdict]))],
      ...[reason, atMs, JSON.stringify(actors)],
    )
    .one().rev
  return { rev, ...decision }
}

/** @returns whether it was owed until now */
export function markDecisionRecorded(sql: SqlStorage, rev: number): boolean {
  return sql.exec('UPDATE decisions SET recorded = 1 WHERE rev = ? AND recorded = 0', rev).rowsWritten > 0
}

export function readOwedDecisions(sql: SqlStorage, limit: number): Decision[] {
  const rows = sql.exec('SELECT * FROM decisions WHERE recorded = 0 ORDER BY rev LIMIT ?', limit).toArray()
  return rows.map((row) => ({
    rev: row['rev'] as number,
    kind: row['kind'] as Decision['kind'],
    bundleId: new Uint8Array(row['bundle_id'] as ArrayBuffer),
    seq: row['seq'] as number,
    decisions: (JSON.parse(row['decisions'] as string) as [number, ReviewVerdict][]).map(([counter, verdict]) => {
      return { counter, verdict }
    }),
    reason: row['reason'] as string,
    atMs: row['at'] as number,
    actors: JSON.parse(row['actors'] as string) as string[],
  }))
}

export function owedDecisions(sql: SqlStorage): { count: number; sinceMs: number | null } {
  const query = 'SELECT COUNT(*) AS count, MIN(at) AS sinceMs FROM decisions WHERE recorded = 0'
  return sql.exec<{ count: number; sinceMs: number | null }>(query).one()
}

/** Counters of a bundle whose reversal is decided. */
export function readUndone(sql: SqlStorage, seq: number): ReadonlySet<number> {
  const rows = sql.exec("SELECT decisions FROM decisions WHERE seq = ? AND kind = 'reversal'", seq).toArray()
  return new Set(
    rows.flatMap((row) => (JSON.parse(row['decisions'] as string) as [number][]).map(([counter]) => counter)),
  )
}
