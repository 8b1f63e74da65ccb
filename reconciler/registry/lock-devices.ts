import type pg from 'pg'

/**
 * Until commit nobody else records bundles, payments or resolutions of these devices. The database locks them in order, so that
 * two cannot deadlock.
 *
 * @returns how many of them are registered
 */
export async function lockDevices(client: pg.ClientBase, deviceIds: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ locked: number }>('SELECT offline_lock_devices($1) AS locked', [
    [...new Set(deviceIds)],
  ])
  return rows[0]?.locked ?? 0
}
