/** To be called before an object is registered. */
export async function rememberObject(db: D1Database, deviceId: string): Promise<void> {
  await db.prepare('INSERT OR IGNORE INTO offline_device_objects (device_id) VALUES (?)').bind(deviceId).run()
}

/** Devices in the order in which the sweep last woke them; those never woken come first. */
export async function nextToSweep(db: D1Database, limit: number): Promise<readonly string[]> {
  const statement = db.prepare('SELECT device_id FROM offline_device_objects ORDER BY swept_at LIMIT ?').bind(limit)
  const { results } = await statement.all<{ device_id: string }>()
  return results.map((row) => row.device_id)
}

export async function markSwept(db: D1Database, deviceIds: readonly string[], nowMs: number): Promise<void> {
  const sql = 'UPDATE offline_device_objects SET swept_at = ? WHERE device_id IN (SELECT value FROM json_each(?))'
  await db.prepare(sql).bind(nowMs, JSON.stringify(deviceIds)).run()
}
