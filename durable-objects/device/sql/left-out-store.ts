import { equalBytes } from '../../../src/protocol/bytes.ts'
import { type ChainLink, GENESIS_PREV, type Named } from '../../../src/protocol/chain.ts'
import { addRange, type CounterSet, type Range } from '../../../src/protocol/counters.ts'
import { bundleColumns } from './bundle-row.ts'
import { buffer, fieldsOf, rowsOf } from './columns.ts'

const LINK = fieldsOf(bundleColumns, ['seq', 'prev', 'digest'])
const SELECT_LINK = `SELECT ${LINK.names} FROM bundles`

/** SQL of the seqs and counters that a device left out when it went on without its state (src/protocol/chain.ts). */

export function insertLeftOut(sql: SqlStorage, [first, last]: Range, counters: Range | undefined): void {
  const [firstCounter, lastCounter] = counters ?? [null, null]
  sql.exec('INSERT INTO left_out VALUES (?, ?, ?, ?)', last + 1, first - 1, firstCounter, lastCounter)
}

/** The first bundle whose device left this place out, and what it names. */
export function readOver(sql: SqlStorage, seq: number): (ChainLink & { readonly named: number }) | undefined {
  const query = `
    SELECT ${LINK.names}, after_seq FROM left_out JOIN bundles ON seq = before_seq
    WHERE after_seq < ?1 AND ?1 < before_seq ORDER BY before_seq LIMIT 1`
  const [row] = rowsOf(sql, query, seq)
  return row && { ...LINK.decode(row), named: row.at(-1) as number }
}

/** What a bundle names that does not follow the one before it. Scans the digests: for bundles behind a hole only. */
export function readNamed(sql: SqlStorage, { seq, prev }: Pick<ChainLink, 'seq' | 'prev'>): Named | undefined {
  const query = 'SELECT seq FROM bundles WHERE seq < ? - 1 AND substr(digest, 1, 16) = ? LIMIT 1'
  const named = equalBytes(prev, GENESIS_PREV)
    ? 0
    : sql.exec<{ seq: number }>(query, seq, buffer(prev)).toArray()[0]?.seq
  if (named === undefined) return undefined
  const between = `
    ${SELECT_LINK} WHERE seq > ?1 AND seq < ?2 AND prev <> ?3
      AND seq NOT IN (SELECT before_seq FROM left_out WHERE after_seq < ?1) ORDER BY seq LIMIT 1`
  const [row] = rowsOf(sql, between, named, seq, buffer(prev))
  return { seq: named, between: row && LINK.decode(row) }
}

/** The counters that were seen, and those that were left out. */
export function withLeftOut(sql: SqlStorage, seen: CounterSet): CounterSet {
  // Without a gap there is nothing to look for.
  const [first, ...others] = seen
  if (first === undefined || (first[0] === 1 && others.length === 0)) return seen
  return sql
    .exec<{ first: number; last: number }>(
      'SELECT first_counter AS first, last_counter AS last FROM left_out WHERE first_counter IS NOT NULL',
    )
    .toArray()
    .reduce<CounterSet>((set, { first, last }) => addRange(set, [first, last]), seen)
}

/** How many seqs before this one were left out and have not come. */
export function leftOutBefore(sql: SqlStorage, seq: number): number {
  const places = sql
    .exec<{ after: number; before: number }>('SELECT after_seq AS after, before_seq AS before FROM left_out')
    .toArray()
    .reduce<CounterSet>((set, { after, before }) => addRange(set, [after + 1, before - 1]), [])
  let missing = 0
  for (const [first, end] of places) {
    const last = Math.min(end, seq - 1)
    if (last < first) continue
    const query = 'SELECT COUNT(*) AS n FROM bundles WHERE seq BETWEEN ? AND ?'
    missing += last - first + 1 - sql.exec<{ n: number }>(query, first, last).one().n
  }
  return missing
}
