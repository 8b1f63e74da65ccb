import type { DeviceStatus } from '../protocol/messages.ts'
import type { Country } from '../protocol/policy.ts'
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
}

const SELECT = 'SELECT device_id, tenant, country, status, alg, kid, registered_at FROM offline_devices'

/** In the order of their ids: each filter has an index that ends with it. */
export function listDevices(db: D1Database, filter: DeviceFilter, limit: number): Promise<readonly ListedDevice[]> {
  const where = new Where()
    .and('country = ?', filter.country)
    .and('tenant = ?', filter.tenant)
    .and('status = ?', filter.status)
    .and('device_id > ?', filter.after)
  return selectPage(db, SELECT, where, 'device_id', limit)
}
