import type { Original } from '../original.ts'
import { bundleColumns } from './bundle-row.ts'
import { buffer, fieldsOf, rowsOf } from './columns.ts'

/** SQL of signed bundles: those whose bytes are here, and those whose bytes are in the bucket. */

/** A bundle whose bytes are not here any more names them by their SHA-256. */
export interface StoredOriginal extends Original {
  readonly moved: Uint8Array | undefined
}

const ORIGINAL = fieldsOf(bundleColumns, ['bundleId', 'bundle', 'receipt'])
const SELECT = `SELECT ${ORIGINAL.names}, moved FROM bundles WHERE bundle_id = ?`

/** Those that are known. */
export const readOriginals = (sql: SqlStorage, bundleIds: readonly Uint8Array[]): StoredOriginal[] =>
  bundleIds.flatMap((bundleId) =>
    rowsOf(sql, SELECT, buffer(bundleId)).map((row) => ({ ...ORIGINAL.decode(row), moved: bytesOf(row.at(-1)) })),
  )

export interface Oldest {
  readonly seq: number
  /** Undefined: they were moved before, or have to stay. */
  readonly bytes: Uint8Array | undefined
  /** Since when nothing of it changed and it waits for nobody; undefined: it does. */
  readonly settledAtMs: number | undefined
}

/** What stands beside evidence stays here whole. */
const OLDEST = `
  SELECT seq, updated_at, bundle, moved IS NULL AND seq NOT IN (SELECT against_seq FROM evidence WHERE against_seq NOT NULL) AS goes,
    recorded = 1 AND indexed_rev >= rev AND status NOT IN ('pushed', 'processing', 'claimed', 'review', 'quarantined') AS is_settled
  FROM bundles WHERE seq > (SELECT moved_through FROM device) ORDER BY seq LIMIT 1`

/** The first bundle that was not looked at; they are settled about in the order of their seqs. */
export function readOldest(sql: SqlStorage): Oldest | undefined {
  const [row] = sql.exec(OLDEST).toArray()
  if (row === undefined) return undefined
  return {
    seq: Number(row['seq']),
    bytes: row['goes'] === 1 ? bytesOf(row['bundle']) : undefined,
    settledAtMs: row['is_settled'] === 1 ? Number(row['updated_at']) : undefined,
  }
}

/** Its bytes are in the bucket. Call it within a storage transaction. */
export function letGo(sql: SqlStorage, seq: number, moved: Uint8Array): void {
  sql.exec('UPDATE bundles SET bundle = NULL, moved = ? WHERE seq = ? AND moved IS NULL', buffer(moved), seq)
}

/** It was looked at. */
export function markMoved(sql: SqlStorage, seq: number): void {
  sql.exec('UPDATE device SET moved_through = MAX(moved_through, ?)', seq)
}

const bytesOf = (value: SqlStorageValue | undefined): Uint8Array | undefined =>
  value instanceof ArrayBuffer ? new Uint8Array(value) : undefined
