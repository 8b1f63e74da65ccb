import { toHex } from '../../src/protocol/bytes.ts'
import type { BookedDevice } from '../book-view.ts'
import type { World } from '../world.ts'
import type { AdmittedDevice } from './admitted.ts'

interface Record {
  readonly at: number
  readonly action: string
}

/** Nothing is admitted of a device while it is suspended, and nothing once it is revoked. */
export function nothingComesInWhileSuspended({ edge }: World, devices: readonly AdmittedDevice[]): string[] {
  return devices.flatMap(({ id, bundles }) => {
    const sql = `SELECT at, action FROM audit
      WHERE action IN ('device_active', 'device_suspended', 'device_revoked') ORDER BY id`
    const records = edge.objects.read(id, sql) as unknown as readonly Record[]
    return bundles.flatMap(({ receipt: { receivedAtMs, seq } }) => {
      // In one millisecond the order is nobody's to tell.
      if (records.some(({ at }) => at === receivedAtMs)) return []
      const last = records.findLast(({ at }) => at < receivedAtMs)
      return last === undefined || last.action === 'device_active'
        ? []
        : [`bundle ${seq} of ${id} was admitted after ${last.action}`]
    })
  })
}

/** The read model and the registry say of each device what its object says. */
export async function copiesOfFactsAgree({ edge, book }: World, devices: readonly AdmittedDevice[]): Promise<string[]> {
  const registry = new Map((await book.devices()).map((device) => [device.id, device]))
  return devices.flatMap(({ id }) => {
    const [row] = edge.objects.read(id, 'SELECT status, kid, rev FROM device')
    const own = line({ id, status: String(row?.['status']), kid: hexOf(row?.['kid']), rev: Number(row?.['rev']) })
    const sql = 'SELECT device_id AS id, status, kid, rev FROM offline_devices WHERE device_id = ?'
    const [shown] = edge.readD1(sql, id) as unknown as readonly BookedDevice[]
    const [model, book] = [shown, registry.get(id)].map((copy) => (copy === undefined ? 'unknown' : line(copy)))
    return [
      ...(model === own ? [] : [`${id} is ${own} to its object, and ${model} in the read model`]),
      ...(book === own ? [] : [`${id} is ${own} to its object, and ${book} in the registry`]),
    ]
  })
}

const hexOf = (kid: unknown) => toHex(new Uint8Array(kid as ArrayBuffer))
const line = ({ status, kid, rev }: BookedDevice) => `${status} with key ${kid.slice(0, 8)} (rev ${rev})`
