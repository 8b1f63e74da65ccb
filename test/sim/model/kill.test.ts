import { afterEach, beforeEach, expect, test } from 'vitest'
import { assertBalanced } from '../../../sim/model/book.ts'
import type { Moment } from '../../../sim/model/process.ts'
import { type ModelWorld, modelWorld } from './kit.ts'

let world: ModelWorld
beforeEach(async () => {
  world = await modelWorld()
})
afterEach(() => world.restore())

/** One day of a till: a payment, one that waits and is approved, and one that is reversed. Dies at one moment, and starts again. */
async function day(diesAt: number): Promise<{ readonly moments: readonly Moment[]; readonly outcome: unknown }> {
  world = await modelWorld()
  const [device, payer] = [await world.device(), world.wallet('ama', 10_000)]
  const payments = [1, 2, 3].map(() => device.payment({ sender: payer }))
  const made = await device.bundle(payments, world.keySet)
  const exceptions = [{ counter: 2, decision: 'review', reason: 'risk_review' }] as const
  world.network.send(world.facts(device), world.admitMade(made, payments, { exceptions }))
  world.network.send(world.review(made, 1, { 2: 'approve' }), world.reversal(made, 2, 1))
  const moments: Moment[] = []
  const { state, network } = world
  const snapshot = () => JSON.stringify([[...state.book.accounts.values()], [...state.inbox.rows.values()], network])
  let atDeath: string | undefined
  const dies = (moment: Moment) => {
    if (moments.push(moment) !== diesAt) return false
    atDeath = snapshot()
    return true
  }
  const reconciler = await world.start({ dies })
  await world.quiet(60_000)
  // The dead do nothing.
  if (atDeath !== undefined) expect(snapshot()).toBe(atDeath)
  // What it held comes back to the queue; the process is started again.
  world.network.redeliver()
  reconciler.start()
  await world.quiet()
  assertBalanced(world.state.book)
  const last = new Map(world.network.outcomes(device.id).map(({ counter, status }) => [counter, status]))
  const outcome = {
    outcomes: Object.fromEntries(last),
    balances: [world.balance(payer), world.balance(device.ownerWallet)],
    transfers: [...world.state.book.transfers.keys()].filter((key) => !key.startsWith('funding')).length,
    inbox: [...world.state.inbox.rows.values()].map(({ status }) => status),
    queued: world.network.queued,
    untold: world.state.outbox.untold.size,
    held: world.state.book.accounts.get(payer)?.heldMinor,
  }
  world.restore()
  return { moments, outcome }
}

test('a process that dies at any moment loses nothing and doubles nothing', { timeout: 600_000 }, async () => {
  world.restore()
  const { moments, outcome } = await day(0)
  expect(outcome).toEqual({
    outcomes: { 1: 'reversed', 2: 'succeeded', 3: 'succeeded' },
    balances: [5000, 5000],
    transfers: 4,
    inbox: ['done', 'done', 'done', 'done', 'done'],
    queued: 0,
    untold: 0,
    held: 0,
  })
  const steps = new Set(moments.map(({ step, side }) => `${side} ${step}`))
  for (const step of ['receive', 'acknowledge', 'bundles', 'reviews', 'reversals', 'tell', 'told']) {
    expect(steps).toContain(`before ${step}`)
    expect(steps).toContain(`after ${step}`)
  }
  // The first time that each moment comes, and the last: a process dies there, and is started again.
  const kinds = [...Map.groupBy(moments.keys(), (i) => `${moments[i]?.side} ${moments[i]?.step}`).values()]
  for (const at of new Set(kinds.flatMap((all) => [all[0], all.at(-1)]))) {
    const died = await day((at ?? 0) + 1)
    expect(died.outcome, `${moments[at ?? 0]?.side} ${moments[at ?? 0]?.step}`).toEqual(outcome)
  }
})

test('two at once post once, and what the first held goes on with the second when the first is dead', async () => {
  const [device, payer] = [await world.device(), world.wallet('ama', 100_000)]
  world.network.send(world.facts(device))
  for (let i = 0; i < 8; i++) world.network.send(await world.admit(device, [device.payment({ sender: payer })]))
  let dead: string | undefined
  const dies = ({ process, step, side }: Moment) => {
    if (dead !== undefined || step !== 'bundles' || side !== 'before') return false
    dead = process
    return true
  }
  const both = [await world.start({ name: 'first', dies }), await world.start({ name: 'second', dies })]
  await world.quiet(60_000)
  world.network.redeliver()
  await world.quiet()
  expect(world.balance(payer)).toBe(80_000)
  expect(
    world
      .told(device.id)
      .map((outcome) => (outcome as readonly [number])[0])
      .toSorted(),
  ).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect(both.filter(({ isRunning }) => isRunning).length).toBe(1)
  expect(['first', 'second']).toContain(dead)
})

test('the same seed gives the same story', async () => {
  world.restore()
  const [first, second] = [await day(7), await day(7)]
  expect(second.moments).toEqual(first.moments)
})
