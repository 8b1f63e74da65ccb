import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeWorld, newWallet, type World } from '../kit.ts'
import { roundWithCut } from './cut.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

/** One device with two bundles, settled by a reconciler whose wire to Postgres breaks at the given message. */
async function settleWithCut(at: number, how: 'before' | 'after'): Promise<boolean> {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  world.network.send(world.facts(device), await world.admit(device, [device.payment({ sender: payer })]))
  world.network.send(await world.admit(device, [device.payment({ sender: payer }), device.payment({ sender: payer })]))

  const dead = await roundWithCut(world, at, how)
  // Its sessions hold their locks until the server notices that nobody is there any more.
  const told = async () => {
    await world.settle()
    return world.network.outcomes(device.id).length
  }
  await expect.poll(told, EVENTUALLY).toBeGreaterThanOrEqual(3)
  expect(await db().balance(payer)).toBe(2500)
  expect(await db().balance(device.ownerWallet)).toBe(7500)
  const counters = new Set(world.network.outcomes(device.id).map(({ counter, status }) => `${counter} ${status}`))
  expect([...counters].sort()).toEqual(['1 succeeded', '2 succeeded', '3 succeeded'])
  return dead
}

test.each(['before', 'after'] as const)('killed %s any message to Postgres: exactly once', EVENTUALLY, async (how) => {
  let at = 1
  while (await settleWithCut(at, how)) at += 1
  // Otherwise the wire was never cut inside the work.
  expect(at).toBeGreaterThan(20)
  expect(world.network.queued).toBe(0)
  expect(await (await world.reconciler()).backlog()).toEqual({
    pending: 0,
    waiting: 0,
    parked: 0,
    resolutions: 0,
    untold: 0,
  })
  expect((await db().app.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
  await expectSoundBook(db().app)
})
