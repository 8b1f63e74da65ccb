import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseConfig } from '../../../reconciler/config.ts'
import { openReconciler } from '../../../reconciler/run.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeWorld, newWallet, type World } from '../kit.ts'
import { deadlocks, expectSound, keepingLog } from './kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

test('opposing transfers between two wallets through three reconcilers: no deadlock reaches anyone', async () => {
  const [a, b] = [newWallet(), newWallet()]
  for (const wallet of [a, b]) await db().open(wallet, 1_000_000, { kind: 'merchant' })
  const devices = await Promise.all(Array.from({ length: 12 }, () => world.device()))
  // Each pays out of its owner's wallet.
  const parties = (d: number) => (d % 2 === 0 ? { sender: a, receiver: b } : { sender: b, receiver: a })
  world.network.send(...devices.map((device, d) => world.facts(device, { ownerWallet: parties(d).sender })))
  const log = keepingLog()
  const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log }
  const workers = await Promise.all([1, 2, 3].map(() => openReconciler(parseConfig(world.env), around)))
  await workers[0]?.once()

  for (const [d, device] of devices.entries()) {
    for (let n = 0; n < 4; n++) {
      const payments = Array.from({ length: 20 }, () => device.payment({ ...parties(d), amount: amountMinor(1 + d) }))
      world.network.send(await world.admit(device, payments))
    }
  }
  const before = await deadlocks(db())
  const stop = new AbortController()
  const running = workers.map((worker) => worker.run(stop.signal))
  const ticking = setInterval(() => {
    world.now += 100
  }, 10)
  const posted = async () => {
    const { rows } = await db().app.query("SELECT count(*) FROM offline_transactions WHERE status = 'succeeded'")
    return rows[0].count
  }
  await expect.poll(posted, { ...EVENTUALLY, interval: 50 }).toBe(12 * 4 * 20)
  clearInterval(ticking)
  stop.abort()
  await Promise.all(running)
  await Promise.all(workers.map((worker) => worker.close()))
  expect(await deadlocks(db())).toBe(before)
  expect(log.complaints).toEqual([])
  expect((await db().balance(a)) + (await db().balance(b))).toBe(2_000_000)
  await expectSound(db(), world)
})
