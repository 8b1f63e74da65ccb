import type pg from 'pg'

/**
 * Until commit nobody else records bundles, payments or resolutions of these devices. Sorted, so that two cannot deadlock.
 *
 * @returns how many of them are registered
 */
export async function lockDevices(client: pg.ClientBase, deviceIds: readonly string[]): Promise<number> {
  const { rowCount } = await client.query(
    'SELECT FROM offline_devices WHERE device_id = ANY ($1) ORDER BY device_id COLLATE "C" FOR NO KEY UPDATE',
    [[...new Set(deviceIds)]],
  )
  return rowCount ?? 0
}
