import { afterAll, beforeAll, expect, test } from 'vitest'
import { QUEUE } from '../../dev/stack.ts'
import { useDatabase } from '../reconciler/database.ts'
import { eventually } from './eventually.ts'
import { expectPromisesKept } from './promises.ts'
import { World } from './world.ts'

/** Nobody acknowledges anything until the queue gives up on it; then a reconciler comes up. */
const database = useDatabase()
let world: World

beforeAll(async () => {
  const { logins, ownerUrl: owner } = database()
  // Phones may pay by the book's word alone, so a reconciler is there until they do.
  world = await World.start({ devices: 4, reconcilers: 1, seed: 11, database: { ...logins, owner } })
  await world.booked()
  await eventually('nothing is left on the queue', async () => (await world.queued()) === 0)
  await Promise.all(world.stack.reconcilers.map((reconciler) => reconciler.stop()))
})
afterAll(() => world?.stop())

/** A consumer that takes everything and finishes nothing. */
async function pullInVain(): Promise<number> {
  const url = `${world.stack.edge.queueUrl}/client/v4/accounts/local/queues/${QUEUE}/messages/pull`
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: 'Bearer local', 'content-type': 'application/json' },
    body: JSON.stringify({ batch_size: 100, visibility_timeout_ms: 0 }),
  })
  const { result } = (await answer.json()) as { result: { messages: unknown[] } }
  return result.messages.length
}

test('what the queue gave up on reaches the inbox by way of its dead letters, and the book', async () => {
  await world.trade(3)
  await world.sync()
  const messages = world.devices.length
  await eventually('bundles are on the queue', async () => (await world.queued()) >= messages)
  // As often as it delivers; then it has given up.
  while ((await pullInVain()) > 0);
  expect(await world.queued()).toBe(0)

  world.stack.startReconciler()
  const fromTheDead = async () => {
    const { rows } = await world.book.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM offline_sync_queue WHERE dead_lettered_at IS NOT NULL',
    )
    return rows[0]?.n ?? 0
  }
  await eventually('they are in the inbox', async () => (await fromTheDead()) >= messages, 20_000)
  await world.settle()
  await expectPromisesKept(world)
})
