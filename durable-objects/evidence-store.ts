import { blob, buffer } from './device-store.ts'
import type { Evidence } from './types.ts'

/** SQL of bundles that contradict admitted ones: signed proof that a device told two stories. */

/** A device that contradicts itself for ever fills no disk: the first contradictions are the evidence. */
const EVIDENCE_MAX = 1000

/** @returns whether this bundle is new evidence */
export function insertEvidence(
  sql: SqlStorage,
  evidence: { digest: Uint8Array; kind: string; seq: number; bundle: Uint8Array; atMs: number },
): boolean {
  const written = sql.exec(
    `INSERT OR IGNORE INTO evidence (digest, kind, seq, bundle, at)
      SELECT ?, ?, ?, ?, ? WHERE (SELECT COUNT(*) FROM evidence) < ? RETURNING seq`,
    ...[buffer(evidence.digest), evidence.kind, evidence.seq, buffer(evidence.bundle), evidence.atMs, EVIDENCE_MAX],
  )
  return written.toArray().length > 0
}

/** SHA-256 of the sealed bytes of both sides of a contradiction at this place of the chain. */
export function readEvidenceDigests(sql: SqlStorage, seq: number): readonly Uint8Array[] {
  const rows = sql.exec(
    'SELECT digest FROM evidence WHERE seq = ?1 UNION SELECT digest FROM bundles WHERE seq = ?1 LIMIT 16',
    seq,
  )
  return rows.toArray().map((row) => blob(row, 'digest'))
}

/** Bundles that contradict admitted ones, beside those that stand in their place. */
export function readEvidence(sql: SqlStorage, limit: number): Evidence[] {
  const rows = sql.exec(
    `SELECT e.kind, e.seq, e.at, e.bundle, b.bundle AS admitted FROM evidence e LEFT JOIN bundles b ON b.seq = e.seq
      ORDER BY e.at, e.digest LIMIT ?`,
    limit,
  )
  return rows.toArray().map((row) => ({
    kind: row['kind'] as string,
    seq: row['seq'] as number,
    atMs: row['at'] as number,
    bundle: blob(row, 'bundle'),
    admitted: row['admitted'] === null ? null : blob(row, 'admitted'),
  }))
}
