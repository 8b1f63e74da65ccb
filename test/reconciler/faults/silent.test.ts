import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseConfig } from '../../../reconciler/config.ts'
import { openReconciler } from '../../../reconciler/run.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeWorld, newWallet, throughWire, type World } from '../kit.ts'
import { expectSound, keepingLog } from './kit.ts'
import { silentWire } from './silent.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

test(
  'a link to the database that falls silent and comes back is worked over again, and everything posted once',
  EVENTUALLY,
  async () => {
    const [device, payer] = [await world.device(), newWallet()]
    await db().open(payer, 100_000)
    const wire = await silentWire(db().logins.record)
    const log = keepingLog()
    const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log }
    const env = { ...throughWire(world.env, wire.url), DATABASE_TIMEOUT_MS: '1500' }
    const reconciler = await openReconciler(parseConfig(env), around)
    const stop = new AbortController()
    const running = reconciler.run(stop.signal)
    const ticking = setInterval(() => {
      world.now += 5000
      world.network.redeliver()
    }, 20)
    const admit = () => world.admit(device, [device.payment({ sender: payer }), device.payment({ sender: payer })])
    try {
      world.network.send(world.facts(device), await admit())
      await expect.poll(() => db().balance(payer), EVENTUALLY).toBe(95_000)
      // Every loop that talks to the database meets it.
      wire.state.silent = true
      world.network.send(await admit())
      await expect.poll(() => log.complaints.join('\n'), EVENTUALLY).toContain('DatabaseSilent')
      for (const loop of ['pull', 'reconcile', 'outcomes']) {
        await expect.poll(() => log.complaints.join('\n'), EVENTUALLY).toContain(`"loop":"${loop}"`)
      }
      wire.state.silent = false
      await expect.poll(() => db().balance(payer), EVENTUALLY).toBe(90_000)
      const told = () => new Set(world.network.outcomes(device.id).map(({ counter }) => counter)).size
      await expect.poll(told, EVENTUALLY).toBe(4)
    } finally {
      clearInterval(ticking)
      stop.abort()
      await wire.close()
      await running
      await reconciler.close()
    }
    await expectSound(db(), world)
  },
)

test('a reconciler that is told to end while the link is silent ends', async () => {
  const wire = await silentWire(db().logins.record)
  const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log: keepingLog() }
  const env = { ...throughWire(world.env, wire.url), DATABASE_TIMEOUT_MS: '1500' }
  const reconciler = await openReconciler(parseConfig(env), around)
  await reconciler.backlog()
  wire.state.silent = true
  const asked = reconciler.backlog()
  await expect(asked).rejects.toThrow()
  await reconciler.close()
  await wire.close()
})
