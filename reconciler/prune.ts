import type pg from 'pg'
import { DAY_MS } from '../src/protocol/time.ts'

/** Rows of one transaction: some milliseconds. */
const BATCH_MAX = 1000

/**
 * Removes messages from the inbox that were done more than `keepDays` ago, oldest first. A repetition that comes later
 * still finds its bundle, device or resolution in the book and changes nothing: the key in the inbox only spares the way
 * there.
 *
 * @returns how many; there may be more while it is not zero
 */
export async function pruneInbox(pool: pg.Pool, keepDays: number, nowMs: number): Promise<number> {
  const before = new Date(nowMs - keepDays * DAY_MS)
  const { rows } = await pool.query<{ pruned: number }>('SELECT offline_prune_inbox($1, $2) AS pruned', [
    before,
    BATCH_MAX,
  ])
  return rows[0]?.pruned ?? 0
}
