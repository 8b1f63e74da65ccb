import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseConfig } from '../../../reconciler/config.ts'
import { openReconciler } from '../../../reconciler/run.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeWorld, newWallet, throughWire, type World } from '../kit.ts'
import { commitCuttingWire, expectSound, keepingLog } from './kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

test.each(['before', 'after'] as const)(
  'a reconciler whose connection is cut %s each COMMIT goes on, and posts once',
  async (how) => {
    const [device, payer] = [await world.device(), newWallet()]
    await db().open(payer, 100_000)
    const wire = await commitCuttingWire(db().logins.record)
    const log = keepingLog()
    const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log }
    const reconciler = await openReconciler(parseConfig(throughWire(world.env, wire.url)), around)
    const stop = new AbortController()
    wire.state.armed = how
    const running = reconciler.run(stop.signal)
    const ticking = setInterval(() => {
      world.now += 5000
      world.network.redeliver()
    }, 20)
    world.network.send(world.facts(device))
    for (let b = 0; b < 3; b++) {
      world.network.send(
        await world.admit(device, [device.payment({ sender: payer }), device.payment({ sender: payer })]),
      )
    }
    // Pulling, registering and posting have each met it.
    await expect.poll(() => wire.state.cuts, EVENTUALLY).toBeGreaterThan(4)
    wire.state.armed = undefined
    await expect.poll(() => db().balance(payer), EVENTUALLY).toBe(100_000 - 6 * 2500)
    const told = () => new Set(world.network.outcomes(device.id).map(({ counter }) => counter)).size
    await expect.poll(told, EVENTUALLY).toBe(6)
    clearInterval(ticking)
    stop.abort()
    await running
    await reconciler.close()
    await wire.close()
    expect(log.complaints.length).toBeGreaterThan(0)
    await expectSound(db(), world)
  },
)
