import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WAIT_MAX_MS } from '../../../durable-objects/device/people/ending.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { ReviewChoice, ReviewMessage } from '../../../src/protocol/messages.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { statesOf } from '../../../src/protocol/payment-states.ts'
import type { PaymentStatus } from '../../../src/protocol/states.ts'
import { keySet, pushed, registered } from '../../edge/kit.ts'
import { admin, call, ok, reviewer } from '../../edge/routes/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import {
  age,
  alarm,
  alarmIn,
  confirm,
  deliverIndex,
  inObject,
  lostQueues,
  owed,
  type Queues,
  readNotice,
  select,
  stubOf,
  unguarded,
} from './kit.ts'

/** Waiting that ends without a vote: because its time is over, or because the device is revoked. */
let queues: Queues
let device: TestDevice
let made: Made
/** Counters 1 and 2 wait, 1 above the amount for two people; 3 does not wait. */
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
  const big = { amount: amountMinor(80_000), sender: device.ownerWallet, receiver: 'W-SHOP' }
  const early = { initiatedAtMs: Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000 }
  made = await device.bundle([device.payment(big), device.payment(early), device.payment()], await keySet())
  await pushed(made.bundle)
  queues.clear()
})
beforeAll(async () => {
  await keySet()
})

const LIMITS = { twoPeopleAbove: 50_000, dailyValue: 100_000_000 }

/** What the object answers. Its own clock counts, so it is asked itself. */
const vote = async (choice: ReviewChoice, payments: readonly number[], actor = 'user:binta') => {
  const ballot = { bundleId: made.header.bundleId, choice, payments, reason: 'seen', limits: LIMITS }
  const answer = await stubOf(device).review(ballot, { actor })
  return answer.ok ? 'counted' : answer.error
}
const revoke = () => call(admin, 'POST', `/offline/devices/${device.id}/revoke`, { reason: 'stolen' })
const resolutions = () => queues.settle.filter((message): message is ReviewMessage => message.kind === 'review')
const choices = () => resolutions().flatMap(({ choices }) => choices.map(({ counter, choice }) => [counter, choice]))
const reviews = async () => {
  await deliverIndex(queues)
  return (await ok(call(reviewer, 'GET', `/offline/reviews?device_id=${device.id}`))).reviews
}
const states = async () => {
  const rows = await select<{ payments: string }>(device, 'SELECT payments FROM bundles ORDER BY seq')
  return rows.flatMap(({ payments }) => statesOf(JSON.parse(payments))).map((state) => state.slice(1).join(' '))
}
const settled = (rev: number, ...outcomes: [number, PaymentStatus, string?][]) =>
  confirm(device, [
    {
      ...{ kind: 'bundle_settled', deviceId: device.id, bundleId: made.header.bundleId, seq: 1, rev },
      outcomes: outcomes.map(([counter, status, reason]) => ({ counter, status, atMs: 1, ...(reason && { reason }) })),
    } as const,
  ])

describe('after 72 hours', () => {
  it('what nobody decided fails, by the alarm that was set for it, and everybody is told the same', async () => {
    await age(device, WAIT_MAX_MS)
    await alarm(device)
    expect(resolutions()).toMatchObject([{ rev: 1, actors: ['system'], bundleId: made.header.bundleId, seq: 1 }])
    expect(choices()).toEqual([[1, 'expire'], [2, 'expire']]) // biome-ignore format: a list
    expect(await states()).toEqual(['pending review_expired', 'pending review_expired', 'pending'])
    expect(await reviews()).toEqual([])

    await settled(2, [1, 'failed', 'review_expired'], [2, 'failed', 'review_expired'], [3, 'succeeded'])
    expect((await readNotice(device, 0)).outcomes).toMatchObject([
      { counter: 1, status: 'failed', reason: 'review_expired' },
      { counter: 2, status: 'failed', reason: 'review_expired' },
      { counter: 3, status: 'succeeded' },
    ])
    const shown = await ok(call(admin, 'GET', `/offline/bundles/${ulidText(made.header.bundleId)}`))
    expect(shown.payments).toMatchObject([{ reason: 'review_expired' }, { reason: 'review_expired' }, {}])
    const records = await select(device, "SELECT actor, detail FROM audit WHERE action = 'review_decided'")
    expect(records).toMatchObject([{ actor: 'system', detail: expect.stringContaining('"choice":"expire"') }])
  })

  it('and not before: the alarm is set for then, whatever else is done', async () => {
    await deliverIndex(queues)
    await recordDevice()
    await settled(1, [1, 'review', 'amount_review'], [2, 'review', 'time_out_of_range'], [3, 'succeeded'])
    await age(device, WAIT_MAX_MS - 60_000)
    for (let i = 0; i < 2; i++) await alarm(device)
    expect(resolutions()).toEqual([])
    expect(await alarmIn(device)).toBeLessThanOrEqual(60_000)
    expect(await vote('reject', [2])).toBe('counted')
  })

  it('a vote is too late, though no alarm has run', async () => {
    await age(device, WAIT_MAX_MS)
    expect(await vote('approve', [2])).toBe('state_conflict')
    expect(choices()).toEqual([[1, 'expire'], [2, 'expire']]) // biome-ignore format: a list
  })

  it('a vote that came before stands, and one of two that are needed decides nothing', async () => {
    await age(device, WAIT_MAX_MS - 60_000)
    expect(await vote('approve', [1, 2])).toBe('counted')
    await age(device, 60_000)
    await alarm(device)
    expect(choices()).toEqual([[2, 'approve'], [1, 'expire']]) // biome-ignore format: a list
  })

  it('is counted from the moment at which the reconciler was stricter than the edge', async () => {
    await age(device, WAIT_MAX_MS - 60_000)
    await settled(1, [3, 'quarantined', 'risk_rejected'])
    await age(device, 60_000)
    await alarm(device)
    expect(choices()).toEqual([[1, 'expire'], [2, 'expire']]) // biome-ignore format: a list
    expect((await states()).at(-1)).toBe('quarantined risk_rejected')
    await inObject(device, ({ storage: { sql } }) => {
      unguarded(sql, 'bundles_append', () => {
        sql.exec(
          "UPDATE bundles SET settlements = json_set(settlements, '$[0].atMs', CAST(?1 AS INTEGER)), expires_at = ?1",
          Date.now() - WAIT_MAX_MS,
        )
      })
    })
    await stubOf(device).wake()
    expect(choices().slice(2)).toEqual([[3, 'expire']])
  })

  it('news that the reconciler sent before it heard of it makes nothing wait again', async () => {
    await age(device, WAIT_MAX_MS)
    await stubOf(device).wake()
    await settled(1, [1, 'review', 'amount_review'], [2, 'review', 'time_out_of_range'], [3, 'succeeded'])
    expect(await states()).toEqual(['pending review_expired', 'pending review_expired', 'succeeded'])
  })

  it('is owed until the reconciler has recorded it', async () => {
    await recordDevice()
    const before = await owed(device)
    await age(device, WAIT_MAX_MS)
    queues.fails = 'rejects'
    await alarm(device)
    expect((await owed(device)).settle).toBe(before.settle + 1)
    queues.fails = undefined
    await inObject(device, ({ storage }) => storage.sql.exec('UPDATE resolutions SET at = at - 60000'))
    await alarm(device)
    expect(resolutions()).toHaveLength(1)
    await confirm(device, [{ kind: 'resolution_recorded', deviceId: device.id, rev: 1 }])
    expect((await owed(device)).settle).toBe(before.settle)
  })
})

it('an alarm for the end of its time hides nothing that is owed meanwhile', async () => {
  const till = await registered()
  const at = (seq: number, over = {}) => keySet().then((keys) => till.bundle([till.payment(over)], keys, { seq }))
  const [first, , third] = [await at(1), await at(2), await at(3)]
  for (const { bundle } of [first, third]) await pushed(bundle)
  queues.watch(till)
  await age(till, WAIT_MAX_MS + 60_000)
  await pushed((await at(4, { initiatedAtMs: made.header.signedAtMs + 50 * 60_000 })).bundle)
  await inObject(till, ({ storage: { sql } }) => {
    sql.exec('UPDATE bundles SET recorded = 1, indexed_rev = rev')
    sql.exec(
      'UPDATE device SET recorded_rev = rev, indexed_rev = rev, audit_done_through = (SELECT MAX(id) FROM audit)',
    )
  })
  await alarm(till)
  expect(await alarmIn(till)).toBeGreaterThan(WAIT_MAX_MS - 60_000)
  // The sweep finds that a bundle is missing for too long, and has to say so.
  await stubOf(till).wake()
  expect(await alarmIn(till)).toBeLessThan(60_000)
})

const recordDevice = () => confirm(device, [{ kind: 'device_recorded', deviceId: device.id, rev: 1 }])

describe('a device that is revoked', () => {
  it('takes with it all that waits, in the name of whoever revoked it, whatever the amount', async () => {
    const later = await device.bundle(
      [device.payment({ initiatedAtMs: made.header.signedAtMs + 50 * 60_000 })],
      await keySet(),
    )
    await pushed(later.bundle)
    expect(await vote('approve', [1])).toBe('counted')
    await ok(revoke())
    expect(choices()).toEqual([[1, 'revoke'], [2, 'revoke'], [4, 'revoke']]) // biome-ignore format: a list
    expect(resolutions().map(({ actors }) => actors)).toEqual([['user:awa'], ['user:awa']])
    expect(await states()).toEqual([
      ...['pending device_revoked', 'pending device_revoked', 'pending', 'pending device_revoked'],
    ])
    expect(await reviews()).toEqual([])
    expect(queues.settle).toContainEqual(expect.objectContaining({ kind: 'device', status: 'revoked' }))
  })

  it('has nothing left to approve, and saying it again ends nothing twice', async () => {
    await ok(revoke())
    expect(await vote('approve', [2])).toBe('state_conflict')
    await ok(revoke())
    await age(device, WAIT_MAX_MS)
    await stubOf(device).wake()
    expect(choices()).toEqual([[1, 'revoke'], [2, 'revoke']]) // biome-ignore format: a list
  })

  it('what people approved before goes on', async () => {
    expect(await vote('approve', [2])).toBe('counted')
    await ok(revoke())
    expect(choices()).toEqual([[2, 'approve'], [1, 'revoke']]) // biome-ignore format: a list
  })

  it('a payment that the reconciler would have people look at after that waits for nobody', async () => {
    await ok(revoke())
    queues.clear()
    await settled(1, [1, 'review', 'amount_review'], [2, 'review', 'time_out_of_range'], [3, 'review', 'risk_review'])
    expect(choices()).toEqual([[3, 'revoke']])
    expect(resolutions()).toMatchObject([{ actors: ['user:awa'] }])
    expect(await states()).toEqual(Array(3).fill('pending device_revoked'))
    await settled(2, [1, 'failed', 'device_revoked'], [2, 'failed', 'device_revoked'], [3, 'failed', 'device_revoked'])
    expect(await states()).toEqual(Array(3).fill('failed device_revoked'))
    const shown = await ok(call(admin, 'GET', `/offline/bundles/${ulidText(made.header.bundleId)}`))
    expect(shown.status).toBe('failed')
  })
})
