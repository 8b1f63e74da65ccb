import { listAudit } from '../../src/edge/store/audit.ts'
import type { World } from '../world.ts'

/** Promise 7: each bundle that has a receipt has the record of its admission, once. */
export async function admissionsAreAudited({ edge, receipts }: World): Promise<string[]> {
  const entries = await listAudit(edge.db, {}, 10_000)
  const times = new Map<string, number>()
  for (const { record } of entries) {
    if (record.action !== 'bundle_admitted') continue
    const id = `${record.deviceId}/${record.bundleId}`
    times.set(id, (times.get(id) ?? 0) + 1)
  }
  return [...receipts.seen.keys()]
    .filter((id) => times.get(id) !== 1)
    .map((id) => `bundle ${id} has ${times.get(id) ?? 0} records of its admission`)
}
