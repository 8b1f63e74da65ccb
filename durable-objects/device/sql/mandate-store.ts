import { NEXT_REV } from './claim-store.ts'
import { buffer } from './columns.ts'

/** SQL of the owner's mandates. */
export interface KeptMandate {
  readonly rev: number
  /** The device's own number of it. */
  readonly no: number
  readonly signed: Uint8Array
  readonly atMs: number
}

const COLUMNS = 'SELECT rev, no, mandate, at FROM mandates'
interface Row extends Record<string, SqlStorageValue> {
  rev: number
  no: number
  mandate: ArrayBuffer
  at: number
}
const kept = ({ rev, no, mandate, at }: Row): KeptMandate => ({ rev, no, signed: new Uint8Array(mandate), atMs: at })

/** The one with the highest number of its own. */
export function newestMandate(sql: SqlStorage): KeptMandate | undefined {
  return sql.exec<Row>(`${COLUMNS} ORDER BY no DESC LIMIT 1`).toArray().map(kept)[0]
}

export function insertMandate(sql: SqlStorage, no: number, signed: Uint8Array, atMs: number): KeptMandate {
  const insert = `INSERT INTO mandates (rev, no, mandate, at) VALUES (${NEXT_REV}, ?, ?, ?) RETURNING rev`
  const { rev } = sql.exec<{ rev: number }>(insert, no, buffer(signed), atMs).one()
  return { rev, no, signed, atMs }
}

export function readOwedMandates(sql: SqlStorage, limit: number): KeptMandate[] {
  return sql.exec<Row>(`${COLUMNS} WHERE recorded = 0 ORDER BY rev LIMIT ?`, limit).toArray().map(kept)
}

export function owedMandates(sql: SqlStorage): { count: number; sinceMs: number | null } {
  const query = 'SELECT COUNT(*) AS count, MIN(at) AS sinceMs FROM mandates WHERE recorded = 0'
  return sql.exec<{ count: number; sinceMs: number | null }>(query).one()
}

export function markMandateRecorded(sql: SqlStorage, rev: number): void {
  sql.exec('UPDATE mandates SET recorded = 1 WHERE rev = ? AND recorded = 0', rev)
}
