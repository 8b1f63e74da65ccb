import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../dev/fault-proxy.ts'
import { seededRandom } from '../../dev/random.ts'
import { useDatabase } from '../reconciler/database.ts'
import { type Carry, goodNetwork, noNetwork } from './device.ts'
import { expectPromisesKept } from './promises.ts'
import { World } from './world.ts'

/** What a bad network does to a sync: the next one doubles nothing and loses nothing. */
const DEVICES = 8

const database = useDatabase()
let world: World
let proxy: FaultProxy

beforeAll(async () => {
  const { logins, ownerUrl: owner } = database()
  world = await World.start({
    ...{ devices: DEVICES, reconcilers: 1, seed: 41, database: { ...logins, owner } },
    async edgeSeenBy(edgeUrl) {
      proxy = await startFaultProxy({ target: { port: Number(new URL(edgeUrl).port) }, random: seededRandom(41) })
      return proxy.url
    },
  })
})
afterAll(async () => {
  await world?.stop()
  await proxy?.close()
})

const syncOver = async (carry: Carry) => {
  await Promise.all(
    world.devices.map(async (device) => {
      device.carry = carry
      await device.sdk.syncNow()
      device.carry = noNetwork
    }),
  )
}
const lostOnTheWay: Carry = async (send) => {
  await send()
  throw new TypeError('connection lost')
}

test('no answer reaches the device, three syncs in a row: one admission, one receipt', async () => {
  await world.trade(2)
  for (let n = 0; n < 3; n++) await syncOver(lostOnTheWay)
  for (const { pushes, receipts, sdk } of world.devices) {
    expect(pushes.length).toBeGreaterThanOrEqual(3)
    expect(receipts.size).toBe(1)
    expect(sdk.state.unsynced).toBe(2)
  }
  await world.settle()
  await expectPromisesKept(world)
})

test('payments taken after an answer was lost go into another bundle, and the first stays what it was', async () => {
  await world.trade(1)
  await syncOver(lostOnTheWay)
  await world.trade(1)
  await world.settle()
  await expectPromisesKept(world)
})

test('the news of outcomes is lost: the device hears them with its next sync', async () => {
  await world.trade(1)
  await world.sync()
  await syncOver((send, path) => (path === '/offline/notice' ? lostOnTheWay(send, path) : send()))
  await world.settle()
  await expectPromisesKept(world)
})

test('the network delivers every request twice at once, and old pushes again in any order', async () => {
  await world.trade(2)
  await syncOver(async (send) => {
    const [first] = await Promise.all([send(), send()])
    return first
  })
  for (const device of world.devices) {
    const old = [...device.pushes].sort(() => world.random() - 0.5).slice(0, 5)
    // Whatever is answered, it is a receipt that is known or a refusal that changes nothing.
    await Promise.all(old.map((push) => device.replay(push)))
  }
  await world.settle()
  await expectPromisesKept(world)
})

test.each(['request', 'answer'] as const)('connections break, half of them with the %s', async (lose) => {
  proxy.set({ cut: { lose, probability: 0.5 } })
  await world.trade(1)
  for (let n = 0; n < 3; n++) await syncOver(goodNetwork)
  proxy.set({ cut: undefined })
  await world.settle()
  expect(proxy.counts.lostRequests).toBeGreaterThan(DEVICES / 2)
  await expectPromisesKept(world)
})

test('a device’s process ends between any two steps of a sync and starts again over the same storage', async () => {
  let next = 1
  let complete = 0
  await Promise.all(
    world.devices.map(async (device) => {
      // Steps are shared out among the devices, so that none of them meets the rate limit.
      while (complete === 0) {
        const k = next++
        await world.trade(1, [device])
        device.life.endAfter(k)
        device.carry = goodNetwork
        await device.sdk.syncNow().catch(() => undefined)
        if (!device.life.isOver) complete = k
        await device.restart()
        device.carry = noNetwork
        const unreadable = device.sdk.state.damaged
        expect(unreadable, `after step ${k}`).toEqual([])
      }
    }),
  )
  // A sync has this many steps, or the test does not reach into it.
  expect(complete).toBeGreaterThan(12)
  await world.settle()
  await expectPromisesKept(world)
})
