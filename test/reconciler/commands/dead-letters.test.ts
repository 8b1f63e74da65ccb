import { afterAll, beforeAll, expect, test } from 'vitest'
import { status } from '../../../reconciler/commands/status.ts'
import { parseConfig } from '../../../reconciler/config.ts'
import { openLog } from '../../../reconciler/log.ts'
import { openReconciler } from '../../../reconciler/run.ts'
import { importHmacKey } from '../../../src/crypto/hmac.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { randomBytes } from '../../kit/device.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'
import { Network } from '../network.ts'
import { call } from './kit.ts'

const db = useDatabase()
let world: World
let dead: Network
beforeAll(async () => {
  world = await makeWorld(db())
  dead = new Network(await importHmacKey(fromBase64url(world.env['INTERNAL_HMAC_KEY'] ?? '')), () => world.now)
})
afterAll(() => world.close())

/** A reconciler that also looks after the dead letters. */
async function once() {
  const fetch: typeof globalThis.fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    return url.pathname.includes('/queues/graveyard/') ? dead.fetch(input, init) : world.network.fetch(input, init)
  }
  const around = { fetch, clock: () => world.now, random: () => 0.5, log: openLog('silent') }
  const reconciler = await openReconciler(parseConfig({ ...world.env, DLQ_ID: 'graveyard' }), around)
  try {
    return await reconciler.once()
  } finally {
    await reconciler.close()
  }
}

test('a dead letter is settled like any other message, and shown', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  dead.send(world.facts(device), await world.admit(device, [device.payment({ sender: payer })]))
  await once()
  expect(dead.queued).toBe(0)
  expect(await db().balance(payer)).toBe(7500)
  expect(JSON.parse((await call(status, ['--json'], world)).output)).toMatchObject({ deadLettered: 2, parked: 0 })
})

test('one that was settled already changes nothing', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const message = await world.admit(device, [device.payment({ sender: payer })])
  world.network.send(world.facts(device), message)
  await once()
  dead.send(message, message)
  await once()
  expect(await db().balance(payer)).toBe(7500)
  const { rows } = await db().app.query(
    "SELECT status, dead_lettered_at IS NOT NULL AS dead FROM offline_sync_queue WHERE device_id = $1 AND kind = 'bundle'",
    [device.id],
  )
  expect(rows).toEqual([{ status: 'done', dead: true }])
})

test('one that nobody can read is parked where people look', async () => {
  dead.send(randomBytes(40))
  await once()
  const { code, output } = await call(status, [], world)
  expect(code).toBe(1)
  expect(output).toMatch(/unreadable .*from the dead letters/)
})
