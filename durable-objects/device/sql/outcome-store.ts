import { OUTCOMES_PER_NOTICE_MAX } from '../../../src/protocol/limits.ts'
import type { Outcome } from '../../../src/protocol/notice.ts'

/** SQL of what the device is told of its payments, in the order in which it came: one row, and one cursor, a confirmation. */

export function insertOutcomes(sql: SqlStorage, outcomes: readonly Outcome[]): void {
  if (outcomes.length > 0) sql.exec('INSERT INTO outcomes (outcomes) VALUES (?)', JSON.stringify(outcomes))
}

/**
 * The next page of outcomes after a cursor, whole rows only.
 *
 * @returns them, and the cursor that stands for them: no further than what is in the page
 */
export function readOutcomes(sql: SqlStorage, cursor: number): { outcomes: readonly Outcome[]; cursor: number } {
  const outcomes: Outcome[] = []
  let reached: number | undefined
  const rows = sql.exec<{ cursor: number; outcomes: string }>(
    'SELECT cursor, outcomes FROM outcomes WHERE cursor > ? ORDER BY cursor LIMIT ?',
    cursor,
    OUTCOMES_PER_NOTICE_MAX,
  )
  for (const row of rows) {
    const more = JSON.parse(row.outcomes) as Outcome[]
    if (outcomes.length + more.length > OUTCOMES_PER_NOTICE_MAX) break
    outcomes.push(...more)
    reached = row.cursor
  }
  // Nothing after it: the device stands at the last, or beyond it, where it must not stay.
  return { outcomes, cursor: reached ?? Math.min(cursor, lastCursor(sql)) }
}

export const lastCursor = (sql: SqlStorage): number =>
  sql.exec<{ last: number }>('SELECT COALESCE(MAX(cursor), 0) AS last FROM outcomes').one().last
