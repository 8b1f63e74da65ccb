import type { World } from '../world.ts'
import type { AdmittedDevice } from './admitted.ts'

/** Promise 7: people see every record that an object wrote, and no settlement twice. */
export function recordsAreShown({ edge }: World, devices: readonly AdmittedDevice[]): string[] {
  const shown = new Set(edge.readD1('SELECT id FROM offline_audit_logs').map(({ id }) => String(id)))
  return devices.flatMap(({ id }) => [
    ...edge.objects
      .read(id, 'SELECT id, action FROM audit')
      .filter((record) => !shown.has(`${id}/${record['id']}`))
      .map(({ id: no, action }) => `record ${id}/${no} (${action}) is not in the audit log that people see`),
    ...edge.objects
      .read(id, 'SELECT seq, settled_rev, settlements FROM bundles')
      .filter(
        ({ settled_rev, settlements }) => (JSON.parse(String(settlements)) as unknown[]).length > Number(settled_rev),
      )
      .map(({ seq, settled_rev }) => `bundle ${seq} of ${id} was settled ${settled_rev} times, and has more on record`),
  ])
}
