import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

test('three reconcilers at once, every message twice and in any order: exactly once', async () => {
  const payers = Array.from({ length: 5 }, newWallet)
  for (const payer of payers) await db().open(payer, 1_000_000)
  const messages: Uint8Array[] = []
  const devices = await Promise.all(Array.from({ length: 12 }, () => world.device()))
  for (const [d, device] of devices.entries()) {
    messages.push(await world.facts(device))
    for (let b = 0; b < 5; b++) {
      const payments = Array.from({ length: 10 }, (_, i) =>
        device.payment({ sender: payers[(d + b + i) % payers.length] ?? '' }),
      )
      messages.push(await world.admit(device, payments))
    }
  }
  const shuffled = [...messages, ...messages].map((body) => ({ body, key: Math.random() }))
  world.network.send(...shuffled.sort((a, b) => a.key - b.key).map(({ body }) => body))

  const stop = new AbortController()
  // Pauses end by themselves here: time passes.
  const ticking = setInterval(() => {
    world.now += 1000
  }, 10)
  const workers = await Promise.all([1, 2, 3].map(() => world.reconciler()))
  const running = workers.map((worker) => worker.run(stop.signal))
  const settled = async () => {
    const { pending, untold } = await (workers[0] as (typeof workers)[number]).backlog()
    return world.network.queued === 0 && pending === 0 && untold === 0
  }
  await expect.poll(settled, { ...EVENTUALLY, interval: 50 }).toBe(true)
  stop.abort()
  await Promise.all(running)
  clearInterval(ticking)

  const { rows } = await db().app.query('SELECT status, count(*) FROM offline_transactions GROUP BY status')
  expect(rows).toEqual([{ status: 'succeeded', count: 600 }])
  for (const device of devices) expect(await db().balance(device.ownerWallet)).toBe(50 * 2500)
  expect((await db().app.query('SELECT count(*) FROM offline_tx_copies')).rows).toEqual([{ count: 0 }])
  expect((await db().app.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
  await expectSoundBook(db().app)
})
