import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useDatabase } from '../reconciler/database.ts'
import { eventually } from './eventually.ts'
import { expectPromisesKept } from './promises.ts'
import { World } from './world.ts'

/** Queues and D1 fail for a while, or lose everything they held: pushes still get receipts, and all of it arrives. */
const database = useDatabase()
let world: World

beforeAll(async () => {
  const { logins, ownerUrl: owner } = database()
  world = await World.start({ devices: 8, reconcilers: 1, seed: 5, database: { ...logins, owner } })
  await eventually('the reconciler is up', async () => world.starts(0) > 0)
})
afterAll(() => world?.stop())

const recorded = async () => {
  const { rows } = await world.book.query<{ n: number }>('SELECT count(*)::int AS n FROM offline_tx_bundles')
  return rows[0]?.n ?? 0
}
const shown = async () =>
  (await (await world.d1()).prepare('SELECT count(*) AS n FROM offline_tx_bundles').first<{ n: number }>())?.n

describe('what the queues lose', () => {
  const early = () => world.devices.slice(0, 4)
  const late = () => world.devices.slice(4)

  test('a push gets its receipt when neither queue takes a message', async () => {
    await world.levers({ refuses: ['settle', 'index'] })
    await world.trade(2, early())
    await world.sync(early())
    expect(await recorded()).toBe(0)
  })

  test('and when both take everything and lose it', async () => {
    // The settle queue loses before it takes again: what an object sends meanwhile must not get through.
    await world.stack.queue('PUT', 'faults', { lose: true })
    await world.levers({ losesIndex: true })
    await world.trade(2, early())
    await world.sync(early())
    expect(await recorded()).toBe(0)
    expect(await shown()).toBe(0)
  })

  test('the first alarms send it again, lose it again, and set the next ones', async () => {
    const ids = early().map(({ id }) => id)
    const first = await world.alarms(ids)
    await eventually('every object has set its next alarm', async () => {
      const next = await world.alarms(ids)
      return next.every((at, n) => at !== null && at > (first[n] ?? 0))
    })
    const arrived = await recorded()
    // Mended before anything is asserted: the tests that follow need queues that work.
    await world.levers({})
    await world.stack.queue('PUT', 'faults', {})
    expect(arrived).toBe(0)
  })

  test('what others have on the queue is dropped before it is pulled', async () => {
    await world.stack.queue('PUT', 'faults', { fail: { calls: 1_000_000, status: 500 } })
    const before = await world.queued()
    await world.trade(1, late())
    await world.sync(late())
    await eventually('all of it is on the queue', async () => (await world.queued()) >= before + late().length)
    await world.stack.queue('POST', 'drop')
    await world.stack.queue('PUT', 'faults', {})
  })

  test('all of it arrives by the alarms alone', async () => {
    await world.settle()
    await expectPromisesKept(world)
  })
})

describe('the pull API', () => {
  test.each([
    { calls: 3, status: 500, afterwards: false },
    { calls: 2, status: 429, afterwards: false },
    { calls: 2, status: 503, afterwards: true },
  ])('answers $calls times with $status (its work done: $afterwards): all arrives', async (fail) => {
    await world.stack.queue('PUT', 'faults', { fail })
    await world.trade(1)
    await world.sync()
    await eventually('the failures are used up', async () => {
      const { fail: left } = (await world.stack.queue('GET', 'faults')) as { fail?: { calls: number } }
      return left?.calls === 0
    })
    // What was handed out in an answer that failed comes back now, and not in 30 s.
    await world.endLeases()
    await world.settle()
    await expectPromisesKept(world)
  })
})

describe('D1', () => {
  const TABLES = ['offline_policies', 'offline_devices', 'offline_tx_bundles', 'offline_audit_logs']

  test('is down for a while: pushes are judged by the last known policy, and D1 shows all of it in the end', async () => {
    const d1 = await world.d1()
    const before = await world.indexBatches()
    for (const table of TABLES) await d1.exec(`ALTER TABLE ${table} RENAME TO ${table}_gone`)
    await world.forget()
    await world.evict()
    await world.trade(1)
    await world.sync()
    await world.settle()
    await expect(world.stack.edge.runScheduled()).rejects.toThrow()
    await world.runAlarms()
    await eventually('a batch for it failed', async () => (await world.indexBatches()) > before)
    for (const table of TABLES) await d1.exec(`ALTER TABLE ${table}_gone RENAME TO ${table}`)
    await expectPromisesKept(world)
  })
})
