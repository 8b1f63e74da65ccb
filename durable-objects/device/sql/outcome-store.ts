import { joinLists } from '../../../src/protocol/cbor.ts'
import { OUTCOMES_PER_NOTICE_MAX } from '../../../src/protocol/limits.ts'
import type { EventCounts } from '../../../src/risk/reputation.ts'
import { buffer } from './columns.ts'

/** SQL of what the device is told of its payments, in the order in which it came: one row, and one cursor, a confirmation. */
export interface News {
  readonly atMs: number
  readonly count: number
  /** An encoded list of outcomes, as notices carry them. */
  readonly encoded: Uint8Array
  /** What they say about the device. */
  readonly events: EventCounts
}

const INSERT = 'INSERT INTO outcomes (at, count, encoded, events) VALUES (?, ?, ?, ?)'

export function insertNews(sql: SqlStorage, { atMs, count, encoded, events }: News): void {
  sql.exec(INSERT, atMs, count, buffer(encoded), JSON.stringify(events))
}

// A limit that is bound would have SQLite prepare the statement anew each time.
const PAGE = `SELECT cursor, count, encoded FROM outcomes WHERE cursor > ? ORDER BY cursor LIMIT ${OUTCOMES_PER_NOTICE_MAX}`

/**
 * The next page of outcomes after a cursor, whole rows only.
 *
 * @returns them as one encoded list, and the cursor that stands for them: no further than what is in the page
 */
export function readOutcomes(sql: SqlStorage, cursor: number): { outcomes: Uint8Array; cursor: number } {
  const lists: Uint8Array[] = []
  let reached: number | undefined
  let count = 0
  for (const row of sql.exec<{ cursor: number; count: number; encoded: ArrayBuffer }>(PAGE, cursor)) {
    count += row.count
    if (count > OUTCOMES_PER_NOTICE_MAX) break
    lists.push(new Uint8Array(row.encoded))
    reached = row.cursor
  }
  // Nothing after it: the device stands at the last, or beyond it, where it must not stay.
  return { outcomes: joinLists(lists).bytes, cursor: reached ?? Math.min(cursor, lastCursor(sql)) }
}

export const lastCursor = (sql: SqlStorage): number =>
  sql.exec<{ last: number }>('SELECT COALESCE(MAX(cursor), 0) AS last FROM outcomes').one().last
