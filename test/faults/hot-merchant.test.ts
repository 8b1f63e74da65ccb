import { afterAll, beforeAll, expect, test } from 'vitest'
import { amountMinor } from '../../src/protocol/money.ts'
import { useDatabase } from '../reconciler/database.ts'
import { makeWorld, newWallet, type World } from '../reconciler/kit.ts'
import { deadlocks, expectSound } from './kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

const DEVICES = 20
const BUNDLES = 5
const PAYMENTS = 100

test('10 000 payments to one merchant, two reconcilers: each once, and nobody deadlocks', {
  timeout: 180_000,
}, async () => {
  const merchant = newWallet()
  await db().open(merchant, 0, { kind: 'merchant' })
  const payers = Array.from({ length: 50 }, newWallet)
  for (const payer of payers) await db().open(payer, 1_000_000)
  for (let d = 0; d < DEVICES; d++) {
    const device = await world.device()
    world.network.send(world.facts(device))
    for (let b = 0; b < BUNDLES; b++) {
      const payments = Array.from({ length: PAYMENTS }, (_, i) =>
        device.payment({
          sender: payers[(d + b + i) % payers.length] ?? '',
          receiver: merchant,
          amount: amountMinor(7),
        }),
      )
      world.network.send(await world.admit(device, payments))
    }
  }
  const before = await deadlocks(db())
  const workers = await Promise.all([world.reconciler(), world.reconciler()])
  const settled = async () => {
    await Promise.all(workers.map((worker) => worker.once()))
    world.now += 1000
    return db().balance(merchant)
  }
  await expect.poll(settled, { timeout: 120_000, interval: 10 }).toBe(DEVICES * BUNDLES * PAYMENTS * 7)
  expect(await deadlocks(db())).toBe(before)
  const { waiting } = await expectSound(db(), world)
  expect(waiting.filter(({ what }) => what.includes('inbox') || what.includes('parked'))).toEqual([])
})
