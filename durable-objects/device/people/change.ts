import { err, ok, type Result } from '../../../src/protocol/result.ts'
import type { Device } from '../device.ts'
import type { Delivery } from '../owed/delivery.ts'
import type { ChangeRefusal, Person } from '../person.ts'
import type { AuditRecord } from '../sql/audit-store.ts'
import { readDevice } from '../sql/device-store.ts'
import { once } from './once.ts'

/** One change by a person: allowed to see the device → made once → delivered, when the device's own facts changed. */
export function changeBy<T>(
  storage: DurableObjectStorage,
  delivery: Delivery,
  by: Person,
  change: (device: Device, nowMs: number) => Result<readonly [T, readonly AuditRecord[]], ChangeRefusal>,
): Result<T, ChangeRefusal> {
  const { sql } = storage
  const nowMs = Date.now()
  let audit: readonly AuditRecord[] = []
  const result = storage.transactionSync((): Result<T, ChangeRefusal> => {
    const device = readDevice(sql)
    if (!maySee(by, device)) return err('not_found')
    return once(sql, by, nowMs, () => {
      const changed = change(device, nowMs)
      if (!changed.ok) return changed
      audit = changed.value[1]
      return ok(changed.value[0])
    })
  })
  if (audit.length > 0) delivery.sendDevice(readDevice(sql), audit)
  return result
}

export const maySee = ({ tenant }: Person, device: Device): boolean => tenant === undefined || tenant === device.tenant
