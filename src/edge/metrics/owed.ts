/** What a device owed when the sweep woke it. */
export interface SweptDevice {
  readonly deviceId: string
  readonly settle: number
  readonly index: number
  readonly escalations: number
  readonly oldestMs: number | null
}

const WRITE = `
  INSERT INTO offline_owed (device_id, settle, unindexed, escalations, oldest_at, seen_at)
  SELECT value->>'deviceId', value->>'settle', value->>'index', value->>'escalations', value->>'oldestMs', ?2
  FROM json_each(?1) WHERE value->>'settle' + value->>'index' + value->>'escalations' > 0
  ON CONFLICT (device_id) DO UPDATE SET settle = excluded.settle, unindexed = excluded.unindexed,
    escalations = excluded.escalations, oldest_at = excluded.oldest_at, seen_at = excluded.seen_at`

const REMOVE = `
  DELETE FROM offline_owed WHERE device_id IN (
    SELECT value->>'deviceId' FROM json_each(?1)
    WHERE value->>'settle' + value->>'index' + value->>'escalations' = 0)`

/** Keeps a row for each device that owes something, and none for the others. */
export async function writeOwed(db: D1Database, swept: readonly SweptDevice[], nowMs: number): Promise<void> {
  if (swept.length === 0) return
  const devices = JSON.stringify(swept)
  await db.batch([db.prepare(WRITE).bind(devices, nowMs), db.prepare(REMOVE).bind(devices)])
}

/** Devices that owed something, those asked longest ago first: asked again by every sweep until they owe nothing. */
export async function owingDevices(db: D1Database, limit: number): Promise<readonly string[]> {
  const statement = db.prepare('SELECT device_id FROM offline_owed ORDER BY seen_at LIMIT ?').bind(limit)
  const { results } = await statement.all<{ device_id: string }>()
  return results.map((row) => row.device_id)
}
