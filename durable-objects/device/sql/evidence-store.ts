import type { Evidence } from '../types.ts'
import { blob, buffer } from './device-store.ts'

/** SQL of bundles that contradict admitted ones: signed proof that a device told two stories. */

/**
 * A device that contradicts itself for ever fills no disk: the first contradictions are the evidence. Of each kind, so
 * that whoever replays nonces cannot take the room of a fork; 200 of 64 KiB are 13 MB.
 */
export const EVIDENCE_PER_KIND_MAX = 200

/** Two bundles of at most 64 KiB each: stays far from what an answer may hold. */
const EVIDENCE_SHOWN_MAX = 50

interface NewEvidence {
  readonly digest: Uint8Array
  readonly kind: string
  readonly seq: number
  /** Seq of the admitted bundle that it contradicts; undefined when it contradicts the beginning of the chain. */
  readonly againstSeq: number | undefined
  readonly bundle: Uint8Array
  readonly atMs: number
}

/** @returns whether this bundle is new evidence and kept, was kept before, or finds no room */
export function insertEvidence(sql: SqlStorage, evidence: NewEvidence): 'new' | 'known' | 'full' {
  const { digest, kind, seq, againstSeq, bundle, atMs } = evidence
  const known = sql.exec('SELECT 1 FROM evidence WHERE digest = ? AND kind = ?', buffer(digest), kind)
  if (known.toArray().length > 0) return 'known'
  const { n } = sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM evidence WHERE kind = ?', kind).one()
  if (n >= EVIDENCE_PER_KIND_MAX) return 'full'
  sql.exec(
    'INSERT INTO evidence (digest, kind, seq, against_seq, bundle, at) VALUES (?, ?, ?, ?, ?, ?)',
    ...[buffer(digest), kind, seq, againstSeq ?? null, buffer(bundle), atMs],
  )
  return 'new'
}

/** Bundles that contradict admitted ones, each beside the one it contradicts. Forks first, then the oldest. */
export function readEvidence(sql: SqlStorage): Evidence[] {
  const rows = sql.exec(
    `SELECT e.kind, e.seq, e.against_seq, e.at, e.bundle, b.bundle AS admitted
      FROM evidence e LEFT JOIN bundles b ON b.seq = e.against_seq
      ORDER BY e.kind <> 'chain_fork', e.at, e.digest LIMIT ?`,
    EVIDENCE_SHOWN_MAX,
  )
  return rows.toArray().map((row) => ({
    kind: row['kind'] as string,
    seq: row['seq'] as number,
    againstSeq: row['against_seq'] as number | null,
    atMs: row['at'] as number,
    bundle: blob(row, 'bundle'),
    admitted: row['admitted'] === null ? null : blob(row, 'admitted'),
  }))
}
