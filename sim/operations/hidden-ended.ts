import { endedOf, endedShown } from '../promises/seen.ts'
import { write } from './hidden.ts'
import type { Operation } from './operation.ts'

const OF_DEVICE = "device_id = ? AND status NOT IN ('pushed', 'processing', 'review', 'quarantined', 'claimed')"
const HIDES: Readonly<Record<string, string>> = {
  deletes: `DELETE FROM offline_tx_bundles WHERE ${OF_DEVICE}`,
  'calls rejected': `UPDATE offline_tx_bundles SET status = 'rejected', payments = '[]' WHERE ${OF_DEVICE}`,
}

/** Somebody hides from people what has ended of a device; somebody reads about the device at once. */
export const hideEnded: Operation = {
  weight: 3,
  async run(world, device, random) {
    const how = random.pick(Object.keys(HIDES))
    const written = await write(world, HIDES[how] ?? '', device.id)
    const before = endedOf(world, device.id)
    const shown = await endedShown(world, device.id).catch(() => undefined)
    const after = endedOf(world, device.id)
    const missing = [...before].filter(([id, status]) => after.get(id) === status && shown?.get(id) !== status)
    if (shown !== undefined && missing.length > 0)
      world.wrong.push(`${missing.map(([id]) => id).join()} of ${device.id} has ended, and is hidden from people`)
    return `(thief) ${how} ${before.size} that have ended of ${device.id} in D1: ${written}`
  },
}
