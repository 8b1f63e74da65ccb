import { SHOWN_MS } from '../../../durable-objects/device/retention.ts'
import { COUNTRIES } from '../../protocol/policy.ts'
import { DAY_MS } from '../../protocol/time.ts'

/**
 * Bundles leave the read model when they have been settled for long (durable-objects/device/retention.ts), or sooner where the
 * database fills up, the longest settled first.
 */

/** Not sooner, however full it is: then people have to split it. */
export const SHOWN_MIN_MS = 30 * DAY_MS
/** D1 takes 10 GB; what is left is for indexes that grow meanwhile, and for people to act. */
const BYTES_MAX = 8_000_000_000
/** Of one country and run of the cron, which comes each minute: three times what 10 000 devices with 50 pushes a day bring. */
const BUNDLES_PER_RUN = 1_000

const REMOVE = `
  DELETE FROM offline_tx_bundles WHERE (bundle_id, device_id) IN (
    SELECT bundle_id, device_id FROM offline_tx_bundles
    WHERE country = ?1 AND received_at < ?2 AND updated_at < ?2
      AND status NOT IN ('pushed', 'processing', 'claimed', 'review', 'quarantined')
    ORDER BY received_at, bundle_id, device_id LIMIT ?3)`

/** @returns how many bundles left */
export async function removeSettled(db: D1Database, nowMs: number): Promise<number> {
  const { meta } = await db.prepare('SELECT 1').run()
  const beforeMs = nowMs - (meta.size_after > BYTES_MAX ? SHOWN_MIN_MS : SHOWN_MS)
  const results = await db.batch([
    db.prepare("INSERT INTO offline_removals (why) VALUES ('settled long ago')"),
    ...COUNTRIES.map((country) => db.prepare(REMOVE).bind(country, beforeMs, BUNDLES_PER_RUN)),
    db.prepare('DELETE FROM offline_removals'),
  ])
  return results.slice(1, -1).reduce((sum, one) => sum + one.meta.changes, 0)
}
