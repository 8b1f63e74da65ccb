import type { DeviceStatus } from '../../protocol/messages.ts'
import type { WalletFault } from '../../protocol/owner-wallet.ts'
import type { Country } from '../../protocol/policy.ts'
import { selectPage, Where } from './query.ts'

export interface DeviceFilter {
  readonly country?: Country | undefined
  readonly tenant?: string | undefined
  readonly status?: DeviceStatus | undefined
  /** Last id of the page before. */
  readonly after?: string | undefined
}

export interface ListedDevice {
  readonly device_id: string
  readonly tenant: string
  readonly country: Country
  readonly status: DeviceStatus
  readonly alg: number
  readonly kid: string
  readonly registered_at: number
  readonly owner_wallet_fault: WalletFault | null
  readonly rebuilt_at: number | null
}

const SELECT =
  'SELECT device_id, tenant, country, status, alg, kid, registered_at, owner_wallet_fault, rebuilt_at FROM offline_devices'

/** Devices that sent something since a time, in the order of their ids. Those that did not cost one look into an index. */
export async function devicesWithBundles(
  db: D1Database,
  filter: Pick<DeviceFilter, 'country' | 'tenant' | 'after'>,
  sinceMs: number,
  limit: number,
): Promise<readonly ListedDevice[]> {
  const where = narrowed(filter).and(
    'EXISTS (SELECT 1 FROM offline_tx_bundles b WHERE b.device_id = offline_devices.device_id AND b.received_at >= ?)',
    sinceMs,
  )
  return selectDevices(db, where, limit)
}

/** In the order of their ids: each filter has an index that ends with it. */
export function listDevices(db: D1Database, filter: DeviceFilter, limit: number): Promise<readonly ListedDevice[]> {
  return selectDevices(db, narrowed(filter), limit)
}

const selectDevices = (db: D1Database, where: Where, limit: number): Promise<readonly ListedDevice[]> =>
  selectPage<ListedDevice>(db, SELECT, where, 'device_id', limit)

function narrowed({ country, tenant, status, after }: DeviceFilter): Where {
  return new Where()
    .and('country = ?', country)
    .and('tenant = ?', tenant)
    .and('status = ?', status)
    .and('device_id > ?', after)
}
