import { allOf, blob, buffer, type Columns, insertInto, plain, type Row } from './columns.ts'

/** SQL of bundles that contradict admitted ones: signed proof that a device told two stories. */

/**
 * A device that contradicts itself for ever fills no disk: the first contradictions are the evidence. Of each kind, so
 * that whoever replays nonces cannot take the room of a fork; 200 of 64 KiB are 13 MB.
 */
export const EVIDENCE_PER_KIND_MAX = 200

/** Two bundles of at most 64 KiB each: stays far from what an answer may hold. */
const EVIDENCE_SHOWN_MAX = 50

/** Two stories of one device, side by side. */
export interface Evidence extends Omit<NewEvidence, 'digest'> {
  /** The signed bundle that it contradicts, when there is one. */
  readonly admitted: Uint8Array | null
}

interface NewEvidence {
  readonly digest: Uint8Array
  readonly kind: string
  readonly seq: number
  /** Of the admitted bundle that it contradicts; null when it contradicts the beginning of the chain. */
  readonly againstSeq: number | null
  /** The signed bundle that contradicts. */
  readonly bundle: Uint8Array
  readonly atMs: number
}

const columns: Columns<NewEvidence> = {
  digest: blob('digest'),
  kind: plain('kind'),
  seq: plain('seq'),
  againstSeq: plain('against_seq'),
  bundle: blob('bundle'),
  atMs: plain('at'),
}
const EVIDENCE = allOf(columns)
const INSERT = insertInto('evidence', EVIDENCE)

/** @returns whether this bundle is new evidence and kept, was kept before, or finds no room */
export function insertEvidence(sql: SqlStorage, evidence: NewEvidence): 'new' | 'known' | 'full' {
  const { digest, kind } = evidence
  const known = sql.exec('SELECT 1 FROM evidence WHERE digest = ? AND kind = ?', buffer(digest), kind)
  if (known.toArray().length > 0) return 'known'
  const { n } = sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM evidence WHERE kind = ?', kind).one()
  if (n >= EVIDENCE_PER_KIND_MAX) return 'full'
  sql.exec(INSERT, ...EVIDENCE.encode(evidence))
  return 'new'
}

/** Bundles that contradict admitted ones, each beside the one it contradicts. Forks first, then the oldest. */
export function readEvidence(sql: SqlStorage): Evidence[] {
  const rows = sql.exec<Row>(
    `SELECT e.*, b.bundle AS admitted FROM evidence e LEFT JOIN bundles b ON b.seq = e.against_seq
      ORDER BY e.kind <> 'chain_fork', e.at, e.digest LIMIT ?`,
    EVIDENCE_SHOWN_MAX,
  )
  return rows.toArray().map((row) => {
    const { digest: _, ...kept } = EVIDENCE.decode(row)
    const admitted = row['admitted']
    return { ...kept, admitted: admitted instanceof ArrayBuffer ? new Uint8Array(admitted) : null }
  })
}
