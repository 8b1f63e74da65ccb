import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Postgres, startPostgres } from '../../dev/postgres.ts'
import { type DevSecrets, newSecrets } from '../../dev/secrets.ts'
import { newWrappedKey, type WrappedKeys } from '../../src/crypto/local-keys.ts'
import { eventually } from './eventually.ts'
import { expectPromisesKept } from './promises.ts'
import { World } from './world.ts'

/** workerd, Durable Objects, alarms, keys and Postgres come and go under a stack that keeps working. */
let dir: string
let postgres: Postgres
let world: World
/** Every key that this file uses: the reconciler has them before the edge does, as a rotation is rolled out. */
let keys: WrappedKeys['keys']
let secrets: DevSecrets

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'molam-chaos-postgres-'))
  // Another user may run the server, and must be able to enter.
  await chmod(dir, 0o755)
  postgres = await startPostgres({
    dataDir: join(dir, 'data'),
    // A killed process leaves the kernel's cache whole, so what was committed is there without fsync.
    settings: { fsync: 'off', full_page_writes: 'off' },
  })
  const made = await newSecrets()
  const wrap = made.KEY_WRAPPING_SECRET
  keys = [
    ...(JSON.parse(made.EDGE_KEYS) as WrappedKeys).keys,
    { ...(await newWrappedKey('seal', wrap)), state: 'retiring' },
    { ...(await newWrappedKey('receipt', wrap)), state: 'retiring' },
  ]
  secrets = { ...made, EDGE_KEYS: JSON.stringify({ version: 1, keys }) }
  const database = { ...postgres.loginUrls(), owner: postgres.ownerUrl() }
  world = await World.start({ devices: 8, reconcilers: 2, seed: 77, database, secrets })
})
afterAll(async () => {
  await world?.stop()
  await postgres?.stop()
  await rm(dir, { recursive: true, force: true })
})

describe('workerd', () => {
  test('is killed while bundles are owed, devices push, and half of the alarms are lost: all of it arrives', async () => {
    const [pushing, silent] = [world.devices.slice(0, 4), world.devices.slice(4)]
    await world.stack.queue('PUT', 'faults', { lose: true })
    await world.trade(2)
    await world.sync()
    await world.loseAlarms(silent.map(({ id }) => id))
    await world.trade(2, pushing)
    const pushes = Promise.allSettled(pushing.map((device) => world.sync([device])))
    await eventually('some have their receipt', async () => pushing.some(({ sdk }) => sdk.state.unsynced === 0))
    // Local queues are in memory: what they held is lost with the process.
    await world.stack.restartEdge()
    await pushes
    // What came since the restart goes too: all of it has to come from what the objects owe.
    await world.stack.queue('POST', 'drop')
    await world.stack.queue('PUT', 'faults', {})
    await world.stack.edge.runScheduled()
    expect((await world.alarms()).filter((at) => at === null)).toEqual([])
    await world.settle()
    await expectPromisesKept(world)
  })
})

describe('Durable Objects', () => {
  test('are evicted between any two steps: admission, delivery, confirmation, notice', async () => {
    const batches = await world.indexBatches()
    await world.stack.queue('PUT', 'faults', { fail: { calls: 1_000_000, status: 500 } })
    for (let n = 0; n < 2; n++) {
      await world.trade(1)
      await world.evict()
      await world.sync()
    }
    await eventually('the queues have taken what was sent', async () => {
      return (await world.indexBatches()) > batches && (await world.queued()) >= 2 * world.devices.length
    })
    await world.evict()
    await world.stack.queue('PUT', 'faults', {})
    await world.booked()
    await world.evict()
    await world.settle()
    await world.evict()
    await expectPromisesKept(world)
  })

  test('an alarm that runs many times at once sends again and changes nothing', async () => {
    await world.trade(1)
    await world.sync()
    await Promise.all(Array.from({ length: 5 }, () => world.runAlarms()))
    await world.settle()
    await Promise.all(Array.from({ length: 5 }, () => world.runAlarms()))
    await expectPromisesKept(world)
  })
})

describe('Postgres', () => {
  test.each(['kill', 'stop'] as const)('%s, and start again, while payments flow: pushes never notice', async (how) => {
    await world.trade(1)
    await Promise.all([world.sync(), postgres[how]()])
    await world.trade(1)
    await world.sync()
    await expect(world.book.query('SELECT')).rejects.toThrow()
    await postgres.start()
    await eventually('the book can be read', async () => world.book.query('SELECT'))
    await world.endLeases()
    await world.settle()
    await expectPromisesKept(world)
  })
})

describe('keys', () => {
  const states = (version: number, ...of: WrappedKeys['keys'][number]['state'][]): DevSecrets => {
    const rotated = keys.map((key, n) => ({ ...key, state: of[n] ?? key.state }))
    return { ...secrets, EDGE_KEYS: JSON.stringify({ version, keys: rotated }) }
  }

  /** Bundles are sealed and sent; half of them are admitted, and no device knows which. */
  const sealWithoutAnswer = async () => {
    await world.trade(2)
    await Promise.all(
      world.devices.map(async (device, n) => {
        device.carry = async (send) => {
          if (n % 2 === 0) await send()
          throw new TypeError('connection lost')
        }
        await device.sdk.syncNow()
      }),
    )
  }

  test('are rotated with bundles in flight: the old key opens what was sealed to it', async () => {
    await sealWithoutAnswer()
    await world.stack.restartEdge(states(2, 'retiring', 'retiring', 'active', 'active'))
    await world.trade(1)
    await world.settle()
    await expectPromisesKept(world)
  })

  test('are retired while bundles sealed to them are under way: sealed again, or the receipt of the first time', async () => {
    await sealWithoutAnswer()
    // What was admitted is settled before workerd goes, so that nothing here has to wait for an alarm.
    await eventually('the queue is empty', async () => (await world.queued()) === 0)
    await world.booked()
    // Back to the first pair: now the second, which these are sealed to, is what nobody opens any more.
    await world.stack.restartEdge(states(3, 'active', 'active', 'retired', 'retiring'))
    for (const device of world.devices.filter((_, n) => n % 2 === 0)) {
      const [push] = device.pushes.slice(-1)
      expect(push && (await device.replay(push)), 'the receipt of the first time').toBe(200)
    }
    await world.settle()
    await expectPromisesKept(world)
  })
})
