import {
  type AllowanceOrder,
  type AllowanceStanding,
  allowanceFromCbor,
  allowanceToCbor,
} from '../../../src/protocol/allowances.ts'
import { decodeCbor, encodeCbor } from '../../../src/protocol/cbor.ts'
import type { AllowanceStands } from '../../../src/protocol/confirmations.ts'
import { FACTS_REV, NEXT_REV } from './claim-store.ts'
import { buffer } from './columns.ts'

/** SQL of the owner's orders about allowances, and of what the ledger said of the newest one. */
export interface KeptOrder {
  readonly rev: number
  /** The device's own number of the allowance. */
  readonly no: number
  readonly choice: AllowanceOrder['choice']
  /** Of one that is to be opened; minor units. */
  readonly ceiling: number | null
  readonly signed: Uint8Array
  /** The revision of the device's facts when it was taken. */
  readonly factsRev: number
  readonly atMs: number
}

const COLUMNS = 'rev, no, choice, ceiling, signed, facts_rev, at'
interface Row extends Record<string, SqlStorageValue> {
  rev: number
  no: number
  choice: AllowanceOrder['choice']
  ceiling: number | null
  signed: ArrayBuffer
  facts_rev: number
  at: number
}
const kept = ({ signed, facts_rev: factsRev, at, ...row }: Row): KeptOrder => {
  return { ...row, signed: new Uint8Array(signed), factsRev, atMs: at }
}

/** The one that was taken last. */
export function newestOrder(sql: SqlStorage): KeptOrder | undefined {
  return sql.exec<Row>(`SELECT ${COLUMNS} FROM allowance_orders ORDER BY rev DESC LIMIT 1`).toArray().map(kept)[0]
}

export function insertOrder(sql: SqlStorage, order: AllowanceOrder, signed: Uint8Array, atMs: number): KeptOrder {
  const insert = `INSERT INTO allowance_orders (rev, no, choice, ceiling, signed, facts_rev, at)
    VALUES (${NEXT_REV}, ?, ?, ?, ?, ${FACTS_REV}, ?) RETURNING ${COLUMNS}`
  const { no, choice } = order
  const ceiling = order.choice === 'open' ? order.ceiling : null
  return kept(sql.exec<Row>(insert, no, choice, ceiling, buffer(signed), atMs).one())
}

export function readOwedOrders(sql: SqlStorage, limit: number): KeptOrder[] {
  return sql
    .exec<Row>(`SELECT ${COLUMNS} FROM allowance_orders WHERE recorded = 0 ORDER BY rev LIMIT ?`, limit)
    .toArray()
    .map(kept)
}

export function markOrderRecorded(sql: SqlStorage, rev: number): void {
  sql.exec('UPDATE allowance_orders SET recorded = 1 WHERE rev = ? AND recorded = 0', rev)
}

/** What was said before changes nothing. @returns whether it was news */
export function writeAllowance(sql: SqlStorage, { rev, allowance }: AllowanceStands): boolean {
  const write = `INSERT INTO allowance (only, rev, standing) VALUES (1, ?, ?)
     ON CONFLICT (only) DO UPDATE SET rev = excluded.rev, standing = excluded.standing WHERE rev < excluded.rev`
  return sql.exec(write, rev, buffer(encodeCbor(allowanceToCbor(allowance)))).rowsWritten > 0
}

/**
 * How the device's newest allowance is: what the ledger said last, with what the device has ordered since. A pass with an allowance is issued
 * for one that is `open` here and for no other: the ledger holds the money, and the device has not said that it closes.
 */
export function readAllowance(sql: SqlStorage): AllowanceStanding | undefined {
  const [row] = sql.exec<{ standing: ArrayBuffer }>('SELECT standing FROM allowance').toArray()
  const said = row && allowanceFromCbor(decodeCbor(new Uint8Array(row.standing)))
  const ordered = newestOrder(sql)
  if (ordered === undefined) return said
  const { no, choice, ceiling } = ordered
  if (choice === 'open' && ceiling !== null && (said === undefined || said.no < no)) {
    return { no, ceiling, state: 'requested' }
  }
  return choice === 'close' && said?.no === no && said.state === 'open' ? { ...said, state: 'closing' } : said
}
