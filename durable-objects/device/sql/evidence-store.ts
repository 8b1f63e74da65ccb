import { allOf, blob, buffer, type Columns, insertInto, plain, rowsOf } from './columns.ts'

/**
 * SQL of bundles that contradict admitted ones: signed proof that a device told two stories. Of a bundle that was refused as a
 * whole its signed header, its signature and the digest of its sealed bytes are kept: whoever has those bytes can verify them.
 */

/**
 * A device that contradicts itself for ever fills no disk: the first contradictions are the evidence. Of each kind, so
 * that whoever replays nonces cannot take the room of a fork; 200 take 100 KB.
 */
export const EVIDENCE_PER_KIND_MAX = 200

/** Each with an admitted bundle of at most 64 KiB: stays far from what an answer may hold. */
const EVIDENCE_SHOWN_MAX = 50

/** Two stories of one device, side by side. */
export interface Evidence extends NewEvidence {
  /** The signed bundle that it contradicts, when there is one. */
  readonly admitted: Uint8Array | null
}

/** As it stands here: bytes that were moved before there was evidence are named by their bundle. */
export interface StoredEvidence extends Evidence {
  readonly admittedId: Uint8Array | null
}

interface NewEvidence {
  /** SHA-256 over the sealed bytes of the bundle that contradicts. */
  readonly digest: Uint8Array
  readonly kind: string
  readonly seq: number
  /** Of the admitted bundle that it contradicts; null when it contradicts the beginning of the chain. */
  readonly againstSeq: number | null
  /** That bundle, its payload detached. */
  readonly signed: Uint8Array
  readonly atMs: number
}

const columns: Columns<NewEvidence> = {
  digest: blob('digest'),
  kind: plain('kind'),
  seq: plain('seq'),
  againstSeq: plain('against_seq'),
  signed: blob('signed'),
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
export function readEvidence(sql: SqlStorage): StoredEvidence[] {
  const against = (column: string) => `(SELECT ${column} FROM bundles WHERE bundles.seq = evidence.against_seq)`
  const query = `
    SELECT ${EVIDENCE.names}, ${against('bundle')}, ${against('bundle_id')} FROM evidence
    ORDER BY kind <> 'chain_fork', at, digest LIMIT ?`
  const bytes = (value: SqlStorageValue | undefined) => (value instanceof ArrayBuffer ? new Uint8Array(value) : null)
  return rowsOf(sql, query, EVIDENCE_SHOWN_MAX).map((row) => {
    return { ...EVIDENCE.decode(row), admitted: bytes(row.at(-2)), admittedId: bytes(row.at(-1)) }
  })
}
