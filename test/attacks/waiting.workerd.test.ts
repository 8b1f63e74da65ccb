import { beforeAll, beforeEach, expect, it } from 'vitest'
import { WAIT_MAX_MS } from '../../durable-objects/device/people/ending.ts'
import type { KeySet } from '../../src/protocol/keyset.ts'
import type { ReviewChoice, ReviewMessage } from '../../src/protocol/messages.ts'
import { statesOf } from '../../src/protocol/payment-states.ts'
import { DAY_MS } from '../../src/protocol/time.ts'
import { age, alarm, lostQueues, type Queues, select, stubOf } from '../durable-objects/device/kit.ts'
import { keySet, pushed, registered } from '../edge/kit.ts'
import type { Made, TestDevice } from '../kit/device.ts'

/** Whoever has a till that is revoked, or one whose payments nobody looked at, and a reviewer who votes at that very moment. */
let keys: KeySet
let queues: Queues
let device: TestDevice
beforeAll(async () => {
  keys = await keySet()
})
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
})

/** Dated at another time than they are signed at: each of them waits. */
async function waiting(count: number, offsetMs: number): Promise<Made> {
  const initiatedAtMs = Math.floor((Date.now() + offsetMs) / 1000) * 1000
  const made = await device.bundle(
    Array.from({ length: count }, () => device.payment({ initiatedAtMs })),
    keys,
  )
  await pushed(made.bundle)
  return made
}

const LIMITS = { twoPeopleAbove: 50_000, dailyValue: 100_000_000 }

async function vote({ header }: Made, choice: ReviewChoice, counter: number, name: string): Promise<string> {
  const ballot = { bundleId: header.bundleId, choice, payments: [counter], reason: 'seen', limits: LIMITS }
  const answer = await stubOf(device).review(ballot, { actor: `user:${name}` })
  return answer.ok ? 'counted' : answer.error
}

/** What was decided about each payment, and by which resolution. */
async function ends(): Promise<ReadonlyMap<number, readonly { readonly rev: number; readonly choice: string }[]>> {
  const rows = await select<{ rev: number; choices: string }>(device, 'SELECT rev, choices FROM resolutions')
  const all = rows.flatMap(({ rev, choices }) =>
    (JSON.parse(choices) as [number, string][]).map(([counter, choice]) => ({ counter, rev, choice })),
  )
  return Map.groupBy(all, ({ counter }) => counter)
}

async function states(): Promise<ReadonlyMap<number, string>> {
  const rows = await select<{ payments: string }>(device, 'SELECT payments FROM bundles')
  const all = rows.flatMap(({ payments }) => statesOf(JSON.parse(payments)))
  return new Map(all.map(([counter, ...state]) => [counter, state.join(' ')]))
}

const STATE: Record<string, string> = {
  approve: 'pending',
  expire: 'pending review_expired',
  revoke: 'pending device_revoked',
}

/** Each payment has one end, the object shows that one, and the reconciler is told of no other. */
async function expectOneEndEach(count: number): Promise<void> {
  const [decided, shown] = [await ends(), await states()]
  expect(decided.size).toBe(count)
  for (const [counter, [end, ...others]] of decided) {
    expect([counter, others]).toEqual([counter, []])
    expect([counter, shown.get(counter)]).toEqual([counter, STATE[end?.choice ?? '']])
  }
  const told = queues.settle.filter((message): message is ReviewMessage => message.kind === 'review')
  const each = told.flatMap(({ rev, choices }) => choices.map(({ counter, choice }) => ({ counter, rev, choice })))
  expect(Map.groupBy(each, ({ counter }) => counter)).toEqual(decided)
}

it('a till is revoked with a hundred payments waiting, while a reviewer approves: nothing is approved after that', async () => {
  const bundles: Made[] = []
  for (const offsetMs of [-DAY_MS, -DAY_MS, 50 * 60_000, 50 * 60_000]) bundles.push(await waiting(25, offsetMs))
  expect([...(await states()).values()].filter((state) => /^(review|quarantined)/.test(state))).toHaveLength(100)

  const votes = (from: number) =>
    bundles.flatMap((made, no) => [0, 1, 2].map((n) => vote(made, 'approve', no * 25 + from + n, 'binta')))
  const [before, revoked, after] = await Promise.all([
    Promise.all(votes(1)),
    stubOf(device).setStatus('revoked', { actor: 'user:awa' }, 'stolen'),
    Promise.all(votes(11)),
  ])
  expect(revoked).toMatchObject({ ok: true, value: { status: 'revoked' } })
  await expectOneEndEach(100)
  const all = [...(await ends()).values()].flat()
  const revs = (choice: string) => all.filter((end) => end.choice === choice).map(({ rev }) => rev)
  const approved = [...before, ...after].filter((answer) => answer === 'counted').length
  expect(revs('approve')).toHaveLength(approved)
  expect(revs('revoke')).toHaveLength(100 - approved)
  expect(Math.max(0, ...revs('approve'))).toBeLessThan(Math.min(...revs('revoke')))
  for (const made of bundles) expect(await vote(made, 'approve', 25, 'cheikh')).toBe('state_conflict')
})

it('a vote and the end of its time at the same moment: one of the two, and the same for all who are told', async () => {
  const bundles: Made[] = []
  for (let n = 0; n < 20; n++) bundles.push(await waiting(1, 50 * 60_000))
  // Some of them are over by the time at which the votes are counted.
  await age(device, WAIT_MAX_MS - 30)
  const answers = await Promise.all(
    bundles.map(async (made, n) => {
      if (n % 5 === 0) await alarm(device)
      return vote(made, 'approve', n + 1, 'binta')
    }),
  )
  await age(device, 60_000)
  await Promise.all([stubOf(device).wake(), alarm(device), stubOf(device).wake()])
  await expectOneEndEach(20)
  const decided = await ends()
  const approved = bundles.map((_, n) => decided.get(n + 1)?.[0]?.choice === 'approve')
  expect(approved).toEqual(answers.map((answer) => answer === 'counted'))
})
