import type { StoredBundle } from '../bundle.ts'
import { expiresAtMs } from '../people/ending.ts'
import { bundleColumns } from './bundle-row.ts'
import { allOf, buffer, fieldsOf, rowsOf } from './columns.ts'

/**
 * SQL of the admitted bundles. Each write of a row also writes when its waiting ends, which follows from the rest of the row.
 */
const BUNDLE = allOf(bundleColumns)
const INSERT = `INSERT INTO bundles (${BUNDLE.names}, expires_at) VALUES (${BUNDLE.marks}, ?)`
const SELECT = `SELECT ${BUNDLE.names} FROM bundles`

/** @param clauses what follows `FROM bundles`; a text of this code, never of a request */
const selectBundles = (sql: SqlStorage, clauses: string, ...values: SqlStorageValue[]): StoredBundle[] =>
  rowsOf(sql, `${SELECT} ${clauses}`, ...values).map(BUNDLE.decode)

export function insertBundle(sql: SqlStorage, bundle: StoredBundle): void {
  sql.exec(INSERT, ...BUNDLE.encode(bundle), expiresAtMs(bundle))
}

const CHANGED = fieldsOf(bundleColumns, [
  ...(['payments', 'status', 'recorded', 'settledRev', 'rev', 'indexedRev'] as const),
  ...(['updatedAtMs', 'votes', 'settlements'] as const),
])
const UPDATE = `UPDATE bundles SET ${CHANGED.set}, expires_at = ? WHERE seq = ?`

/** Writes what a confirmation, people, or the end of waiting changed. */
export function updateBundle(sql: SqlStorage, bundle: StoredBundle): void {
  sql.exec(UPDATE, ...CHANGED.encode(bundle), expiresAtMs(bundle), bundle.seq)
  if (isOwed(bundle)) sql.exec('UPDATE device SET done_through = ?1 WHERE done_through > ?1', bundle.seq - 1)
}

export const readBundle = (sql: SqlStorage, bundleId: Uint8Array): StoredBundle | undefined =>
  selectBundles(sql, 'WHERE bundle_id = ?', buffer(bundleId))[0]

/** What is owed to somebody. Only rows above the low-water mark are looked at. */
const OWED = 'seq > ? AND (recorded = 0 OR indexed_rev < rev)'

const isOwed = ({ recorded, indexedRev, rev }: StoredBundle) => !recorded || indexedRev < rev

export const readOwed = (sql: SqlStorage, doneThrough: number, limit: number): StoredBundle[] =>
  selectBundles(sql, `WHERE ${OWED} ORDER BY seq LIMIT ?`, doneThrough, limit)

/** In the order of their seqs. */
export const readAfter = (sql: SqlStorage, seq: number, limit: number): StoredBundle[] =>
  selectBundles(sql, 'WHERE seq > ? ORDER BY seq LIMIT ?', seq, limit)

/** Those that the object of the country has another state of, or never had: `(from, through]` of its listing revs. */
export const readListed = (sql: SqlStorage, from: number, through: number): StoredBundle[] =>
  selectBundles(sql, 'WHERE listing_rev > ? AND listing_rev <= ? ORDER BY seq', from, through)

/**
 * Bundles with payments that wait, for people or for their payers. It looks at each row, as claims have no index: a device is
 * revoked once. The text of `payments` is a list of runs, and no reason of theirs is called so.
 */
export const readOpen = (sql: SqlStorage, afterSeq: number, limit: number): StoredBundle[] =>
  selectBundles(
    sql,
    `WHERE seq > ? AND (expires_at IS NOT NULL OR instr(payments, '"claimed"') > 0) ORDER BY seq LIMIT ?`,
    ...[afterSeq, limit],
  )

/** Bundles with payments that have waited too long. */
export const readExpired = (sql: SqlStorage, nowMs: number, limit: number): StoredBundle[] =>
  selectBundles(sql, 'WHERE expires_at <= ? ORDER BY expires_at LIMIT ?', nowMs, limit)

/** The bundle that holds a payment: of several copies the one that counts. */
export function findByCounter(sql: SqlStorage, counter: number): StoredBundle | undefined {
  const covering = selectBundles(sql, 'WHERE first_counter <= ?1 AND last_counter >= ?1 ORDER BY seq', counter)
  const holding = covering.filter(({ payments }) => payments.some(([number]) => number === counter))
  const counts = ({ payments }: StoredBundle) => payments.some(([n, status]) => n === counter && status !== 'refused')
  return holding.find(counts) ?? holding[0]
}

/** Whether every bundle up to this seq is there, with one that is about to be written. */
export function isComplete(sql: SqlStorage, through: number, coming: number): boolean {
  const { n } = sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM bundles WHERE seq <= ?', through).one()
  return n + (coming <= through ? 1 : 0) === through
}

const PROVEN = fieldsOf(bundleColumns, ['digest', 'receipt'])

/** What proves the admission of the bundle in a place. */
export function readProof(sql: SqlStorage, seq: number): Pick<StoredBundle, 'digest' | 'receipt'> | undefined {
  const [row] = rowsOf(sql, `SELECT ${PROVEN.names} FROM bundles WHERE seq = ?`, seq)
  return row && PROVEN.decode(row)
}
