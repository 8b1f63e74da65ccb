import type { Country } from '../../protocol/policy.ts'
import { selectPage, Where } from './query.ts'

export interface DeviceFilter {
  readonly country: Country
  readonly tenant: string | undefined
  /** Last id of the page before. */
  readonly after: string | undefined
}

/**
 * Devices that sent something since a time, in the order of their ids: what D1 alone can say. Those that did not cost one look
 * into an index. Who there is the Country Objects say (countries.ts).
 */
export async function devicesWithBundles(
  db: D1Database,
  { country, tenant, after }: DeviceFilter,
  sinceMs: number,
  limit: number,
): Promise<readonly { readonly device_id: string; readonly registered_at: number }[]> {
  const where = new Where()
    .and('country = ?', country)
    .and('tenant = ?', tenant)
    .and('device_id > ?', after)
    .and(
      'EXISTS (SELECT 1 FROM offline_tx_bundles b WHERE b.device_id = offline_devices.device_id AND b.received_at >= ?)',
      sinceMs,
    )
  return selectPage(db, 'SELECT device_id, registered_at FROM offline_devices', where, 'device_id', limit)
}

/** When the read model was last made again, for those of these devices for which it was. */
export async function rebuiltAt(db: D1Database, deviceIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { results } = await db
    .prepare(
      `SELECT device_id, rebuilt_at FROM offline_devices
       WHERE device_id IN (SELECT value FROM json_each(?)) AND rebuilt_at IS NOT NULL`,
    )
    .bind(JSON.stringify(deviceIds))
    .all<{ device_id: string; rebuilt_at: number }>()
  return new Map(results.map(({ device_id, rebuilt_at }) => [device_id, rebuilt_at]))
}
