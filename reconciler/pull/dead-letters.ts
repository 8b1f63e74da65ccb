import type pg from 'pg'
import type { Received } from './inbox.ts'
import { type PullDeps, pullOnce } from './pull.ts'

/**
 * The settle queue's dead letters: messages that were delivered as often as the queue does and never acknowledged, as
 * when Postgres was down for long. They are not at fault, and come into the inbox like any other; that they came this
 * way is noted, counted and shown.
 *
 * @returns how many there were
 */
export async function pullDeadLetters(deps: PullDeps): Promise<number> {
  const count = await pullOnce({ ...deps, received: note })
  if (count > 0) deps.log.warn({ count }, 'dead letters fetched')
  return count
}

async function note(client: pg.ClientBase, messages: readonly Received[], at: Date): Promise<void> {
  await client.query(
    `WITH mine AS (
       SELECT id FROM offline_sync_queue WHERE dedup_key = ANY ($1) AND dead_lettered_at IS NULL ORDER BY id FOR UPDATE)
     UPDATE offline_sync_queue q SET dead_lettered_at = $2 FROM mine WHERE q.id = mine.id`,
    [messages.map(({ dedupKey }) => dedupKey), at],
  )
}
