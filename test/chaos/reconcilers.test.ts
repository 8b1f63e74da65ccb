import { afterAll, beforeAll, expect, test } from 'vitest'
import { useDatabase } from '../reconciler/database.ts'
import { eventually } from './eventually.ts'
import { expectPromisesKept } from './promises.ts'
import { World } from './world.ts'

/**
 * Every message is delivered twice and out of order, to two reconcilers at once, and one of them is killed again and
 * again, wherever it is.
 */
const ROUNDS = 20
const PAYMENTS_PER_ROUND = 7

const database = useDatabase()
let world: World

beforeAll(async () => {
  const { logins, ownerUrl: owner } = database()
  world = await World.start({ devices: 8, reconcilers: 2, seed: 98, database: { ...logins, owner } })
})
afterAll(() => world?.stop())

const inbox = async () => {
  const { rows } = await world.book.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM offline_sync_queue WHERE kind = 'bundle'",
  )
  return rows[0]?.n
}
const receipted = () => world.devices.reduce((sum, { receipts }) => sum + receipts.size, 0)

test('20 rounds of bundles with a reconciler killed in each: nothing lost, nothing twice, every end the same', async () => {
  const { stack, devices, random } = world
  const [, doomed] = stack.reconcilers
  for (let round = 0; round < ROUNDS; round++) {
    await stack.queue('PUT', 'faults', { copies: 2, shuffleSeed: Math.floor(random() * 1_000_000) })
    const selling = Array.from({ length: PAYMENTS_PER_ROUND }, (_, n) => devices[(round + n) % devices.length])
    const those = selling.filter((device) => device !== undefined)
    await world.trade(1, those)
    await eventually('the reconciler is up again', async () => world.starts(1) > round)
    // At any moment from before the first message is pulled until after the last outcome was told.
    const killed = new Promise<void>((resolve) =>
      setTimeout(() => {
        doomed?.kill()
        resolve()
      }, random() * 300),
    )
    await Promise.all([world.sync(those), killed])
    await stack.queue('POST', 'expire')
    // Long before an alarm would send it again: what the dead one had acknowledged, it had kept.
    await eventually('every message is in the inbox', async () => (await inbox()) === receipted(), 7_000)
  }
  await stack.queue('PUT', 'faults', {})
  await world.endLeases()
  await world.settle()
  await expectPromisesKept(world)
  expect(devices.flatMap(({ deals }) => [...deals])).toHaveLength(ROUNDS * PAYMENTS_PER_ROUND)
  expect(doomed?.restarts).toBe(ROUNDS)
  // Each round starts a process anew: on a busy machine that takes its time.
}, 900_000)
