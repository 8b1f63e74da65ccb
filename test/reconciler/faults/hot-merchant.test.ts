import { afterAll, beforeAll, expect, test } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeWorld, newWallet, type World } from '../kit.ts'
import { deadlocks, expectSound } from './kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

/** As many as a device may take on a day. */
const PAYMENTS = 50
const DEVICES = 200

test('10 000 payments to one merchant, two reconcilers: each once, and nobody deadlocks', EVENTUALLY, async () => {
  const merchant = newWallet()
  await db().open(merchant, 0, { kind: 'merchant' })
  const payers = Array.from({ length: 50 }, newWallet)
  for (const payer of payers) await db().open(payer, 1_000_000)
  for (let d = 0; d < DEVICES; d++) {
    const device = Object.assign(await world.device(), { ownerWallet: merchant })
    // An amount of its own for each device: the same one from the same payer would look like one payment on two devices.
    const amount = amountMinor(d + 1)
    const payments = Array.from({ length: PAYMENTS }, (_, i) =>
      device.payment({ sender: payers[(d + i) % payers.length] ?? '', receiver: merchant, amount }),
    )
    world.network.send(world.facts(device), await world.admit(device, payments))
  }
  const before = await deadlocks(db())
  const workers = await Promise.all([world.reconciler(), world.reconciler()])
  const settled = async () => {
    await Promise.all(workers.map((worker) => worker.once()))
    world.now += 1000
    return db().balance(merchant)
  }
  const all = (PAYMENTS * DEVICES * (DEVICES + 1)) / 2
  await expect.poll(settled, { ...EVENTUALLY, interval: 10 }).toBe(all)
  expect(await deadlocks(db())).toBe(before)
  const { rows } = await db().app.query('SELECT status, count(*) FROM offline_transactions GROUP BY status')
  expect(rows).toEqual([{ status: 'succeeded', count: PAYMENTS * DEVICES }])
  await expectSound(db(), world)
})
