import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseConfig } from '../../../reconciler/config.ts'
import { openReconciler } from '../../../reconciler/run.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeWorld, newWallet, type World } from '../kit.ts'
import { expectSound, keepingLog } from './kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

const DAY_MS = 24 * 3_600_000

test('two reconcilers whose clocks are a day apart and jump about post each payment once', async () => {
  const payer = newWallet()
  await db().open(payer, 10_000_000)
  const devices = await Promise.all(Array.from({ length: 6 }, () => world.device()))
  world.network.send(...devices.map((device) => world.facts(device)))
  await (await world.reconciler()).once()

  const skews = [0, DAY_MS]
  const workers = await Promise.all(
    skews.map((_, i) =>
      openReconciler(parseConfig(world.env), {
        fetch: world.network.fetch,
        clock: () => world.now + (skews[i] ?? 0),
        random: () => 0.5,
        log: keepingLog(),
      }),
    ),
  )
  const stop = new AbortController()
  const running = workers.map((worker) => worker.run(stop.signal))
  let jumps = 0
  const jumping = setInterval(() => {
    jumps += 1
    world.now += 500
    skews.reverse()
    world.network.redeliver()
  }, 15)
  for (let b = 0; b < 8; b++) {
    for (const device of devices) {
      const payments = Array.from({ length: 5 }, () => device.payment({ sender: payer }))
      world.network.send(await world.admit(device, payments))
    }
  }
  // Whoever was a day ahead may have put something off for as long; nobody waits for that day to come.
  await expect.poll(() => jumps, EVENTUALLY).toBeGreaterThanOrEqual(100)
  clearInterval(jumping)
  skews.fill(0)
  const ticking = setInterval(() => {
    world.now += 1000
    world.network.redeliver()
  }, 15)
  await expect.poll(() => db().balance(payer), EVENTUALLY).toBe(10_000_000 - 8 * 6 * 5 * 2500)
  clearInterval(ticking)
  stop.abort()
  await Promise.all(running)
  await Promise.all(workers.map((worker) => worker.close()))
  const { rows } = await db().app.query('SELECT status, count(*) FROM offline_transactions GROUP BY status')
  expect(rows).toEqual([{ status: 'succeeded', count: 240 }])
  await expectSound(db(), world)
})

test('a clock that goes back a year: what it dates wrongly waits for a person, and the audit chain stays whole', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 100_000)
  world.network.send(world.facts(device), await world.admit(device, [device.payment({ sender: payer })]))
  await world.settle()
  world.now -= 365 * DAY_MS
  world.network.send(await world.admit(device, [device.payment({ sender: payer })]))
  await world.settle()
  expect(await db().balance(payer)).toBe(97_500)
  expect(world.network.outcomes(device.id).at(-1)).toMatchObject({ status: 'failed', reason: 'payer_not_proven' })
  await expectSound(db(), world)
})
