import { FACTS_REV, NEXT_REV } from './claim-store.ts'
import { buffer } from './columns.ts'

/** SQL of the owner's mandates. */
export interface KeptMandate {
  readonly rev: number
  /** The device's own number of it. */
  readonly no: number
  readonly signed: Uint8Array
  /** The revision of the device's facts when it was taken. */
  readonly factsRev: number
  readonly atMs: number
}

const COLUMNS = 'rev, no, mandate, facts_rev, at'
interface Row extends Record<string, SqlStorageValue> {
  rev: number
  no: number
  mandate: ArrayBuffer
  facts_rev: number
  at: number
}
const kept = ({ rev, no, mandate, facts_rev: factsRev, at }: Row): KeptMandate => {
  return { rev, no, signed: new Uint8Array(mandate), factsRev, atMs: at }
}

/** The one with the highest number of its own. */
export function newestMandate(sql: SqlStorage): KeptMandate | undefined {
  return sql.exec<Row>(`SELECT ${COLUMNS} FROM mandates ORDER BY no DESC LIMIT 1`).toArray().map(kept)[0]
}

export function insertMandate(sql: SqlStorage, no: number, signed: Uint8Array, atMs: number): KeptMandate {
  const insert = `INSERT INTO mandates (rev, no, mandate, facts_rev, at)
    VALUES (${NEXT_REV}, ?, ?, ${FACTS_REV}, ?) RETURNING ${COLUMNS}`
  return kept(sql.exec<Row>(insert, no, buffer(signed), atMs).one())
}

export function readOwedMandates(sql: SqlStorage, limit: number): KeptMandate[] {
  return sql
    .exec<Row>(`SELECT ${COLUMNS} FROM mandates WHERE recorded = 0 ORDER BY rev LIMIT ?`, limit)
    .toArray()
    .map(kept)
}

export const owedMandates = (sql: SqlStorage): number =>
  sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM mandates WHERE recorded = 0').one().n

export function markMandateRecorded(sql: SqlStorage, rev: number): void {
  sql.exec('UPDATE mandates SET recorded = 1 WHERE rev = ? AND recorded = 0', rev)
}
