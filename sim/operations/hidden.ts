import { toldToWait, waitingShown } from '../promises/seen.ts'
import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

const OF_DEVICE = "device_id = ? AND status IN ('review', 'quarantined', 'claimed')"

/** What somebody who writes to D1 does to rows of what waits. Triggers do not stop him: he says why rows go, as we do. */
const HIDES: Readonly<Record<string, string>> = {
  deletes: `DELETE FROM offline_tx_bundles WHERE ${OF_DEVICE}`,
  'calls accepted': `UPDATE offline_tx_bundles SET status = 'accepted', payments = '[]' WHERE ${OF_DEVICE}`,
  'rolls back': `UPDATE offline_tx_bundles SET status = 'pushed', rev = 0 WHERE ${OF_DEVICE}`,
  'deletes the device of': 'DELETE FROM offline_devices WHERE device_id = ?',
}

/** Somebody hides from people what waits of a device; a reviewer looks at once. */
export const hide: Operation = {
  weight: 2,
  async run(world, device, random) {
    const how = random.pick(Object.keys(HIDES))
    const ids = [device.id, world.rogue.id]
    const id = random.pick(ids)
    const written = await write(world, HIDES[how] ?? '', id)
    const before = toldToWait(world, id)
    const shown = await shownOf(world, id)
    const after = new Set(toldToWait(world, id))
    const missing = shown === undefined ? [] : before.filter((bundle) => after.has(bundle) && !shown.has(bundle))
    if (missing.length > 0) world.wrong.push(`${missing.join()} of ${id} waits, and is hidden from people`)
    return `(thief) ${how} ${before.length} that wait of ${id} in D1: ${written}`
  },
}

const shownOf = (world: World, id: string) =>
  waitingShown(world, id).then(
    (shown) => shown.get(id) ?? new Set<string>(),
    () => undefined,
  )

export async function write({ edge }: World, sql: string, id: string): Promise<string> {
  const [begin, end] = ["INSERT INTO offline_removals (why) VALUES ('none of yours')", 'DELETE FROM offline_removals']
  const statements = [edge.db.prepare(begin), edge.db.prepare(sql).bind(id), edge.db.prepare(end)]
  return edge.db.batch(statements).then(
    () => 'done',
    () => 'not done',
  )
}
