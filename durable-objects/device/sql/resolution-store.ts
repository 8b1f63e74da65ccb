import type { ReviewChoice } from '../../../src/protocol/messages.ts'
import type { Resolution } from '../types.ts'
import { buffer } from './device-store.ts'

/** SQL of the resolutions of people, which are owed to the reconciler until it has recorded them. */
export function insertResolution(sql: SqlStorage, resolution: Omit<Resolution, 'rev'>): Resolution {
  const { kind, bundleId, seq, choices, reason, atMs, actors } = resolution
  const rev = sql
    .exec<{ rev: number }>(
      `INSERT INTO resolutions (kind, bundle_id, seq, choices, reason, at, actors, recorded)
        VALUES (?, ?, ?, ?, ?, ?, ?, 0) RETURNING rev`,
      ...[kind, buffer(bundleId), seq, JSON.stringify(choices.map(({ counter, choice }) => [counter, choice]))],
      ...[reason, atMs, JSON.stringify(actors)],
    )
    .one().rev
  return { rev, ...resolution }
}

/** @returns whether it was owed until now */
export function markResolutionRecorded(sql: SqlStorage, rev: number): boolean {
  return sql.exec('UPDATE resolutions SET recorded = 1 WHERE rev = ? AND recorded = 0', rev).rowsWritten > 0
}

export function readOwedResolutions(sql: SqlStorage, limit: number): Resolution[] {
  const rows = sql.exec('SELECT * FROM resolutions WHERE recorded = 0 ORDER BY rev LIMIT ?', limit).toArray()
  return rows.map((row) => ({
    rev: row['rev'] as number,
    kind: row['kind'] as Resolution['kind'],
    bundleId: new Uint8Array(row['bundle_id'] as ArrayBuffer),
    seq: row['seq'] as number,
    choices: (JSON.parse(row['choices'] as string) as [number, ReviewChoice][]).map(([counter, choice]) => {
      return { counter, choice }
    }),
    reason: row['reason'] as string,
    atMs: row['at'] as number,
    actors: JSON.parse(row['actors'] as string) as string[],
  }))
}

export function owedResolutions(sql: SqlStorage): { count: number; sinceMs: number | null } {
  const query = 'SELECT COUNT(*) AS count, MIN(at) AS sinceMs FROM resolutions WHERE recorded = 0'
  return sql.exec<{ count: number; sinceMs: number | null }>(query).one()
}

/** Counters of a bundle whose reversal is decided. */
export function readUndone(sql: SqlStorage, seq: number): ReadonlySet<number> {
  const rows = sql.exec("SELECT choices FROM resolutions WHERE seq = ? AND kind = 'reversal'", seq).toArray()
  return new Set(
    rows.flatMap((row) => (JSON.parse(row['choices'] as string) as [number][]).map(([counter]) => counter)),
  )
}
