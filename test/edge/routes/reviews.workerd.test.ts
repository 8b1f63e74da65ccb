import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { ReviewMessage } from '../../../src/protocol/messages.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { statesOf } from '../../../src/protocol/payment-states.ts'
import type { PaymentStatus } from '../../../src/protocol/states.ts'
import {
  alarm,
  confirm,
  deliverIndex,
  dumpObject,
  dumpReadModel,
  inObject,
  lostQueues,
  owed,
  type Queues,
  unguarded,
} from '../../durable-objects/device/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { keySet, pushed, registered } from '../kit.ts'
import { admin, auditor, call, newDay, ok, otherReviewer, pushPayments, refused, reviewer } from './kit.ts'

/** People decide about payments that wait. The default policy asks for two above 50 000. */
let queues: Queues
let device: TestDevice
let made: Made
/** Counters 1 and 2 wait, 1 above the amount for two people; 3 does not wait. */
beforeEach(async () => {
  queues = await lostQueues()
  await newDay()
  device = await registered()
  queues.watch(device)
  // Out of the owner's own wallet; the second waits because of its date.
  const big = device.payment({ amount: amountMinor(80_000), sender: device.ownerWallet, receiver: 'W-SHOP' })
  const early = { initiatedAtMs: Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000 }
  made = await pushPayments(device, [big, device.payment(early), device.payment()], queues)
  queues.clear()
})
beforeAll(async () => {
  await keySet()
})

const path = () => `/offline/bundles/${ulidText(made.header.bundleId)}/review`
const ballot = (choice: string, payments: unknown, reason = 'called the merchant') => ({ choice, payments, reason })
const reviewOf = async () => {
  await deliverIndex(queues)
  const { reviews } = await ok(call(reviewer, 'GET', `/offline/reviews?device_id=${device.id}`))
  return reviews[0]
}
const resolutions = () => queues.settle.filter((message): message is ReviewMessage => message.kind === 'review')
const states = () =>
  inObject(device, ({ storage }) => {
    const row = storage.sql.exec('SELECT payments FROM bundles').one()
    const payments = statesOf(JSON.parse(row['payments'] as string))
    return payments.map((payment) => payment.slice(1).join(' '))
  })
const settled = (rev: number, ...outcomes: [number, PaymentStatus, string?][]) =>
  confirm(device, [
    {
      ...{ kind: 'bundle_settled', deviceId: device.id, bundleId: made.header.bundleId, seq: 1, rev },
      outcomes: outcomes.map(([counter, status, reason]) => ({ counter, status, atMs: 1, ...(reason && { reason }) })),
    } as const,
  ])

it('what waits is listed with amounts, reasons and risk, and without parties', async () => {
  const review = await reviewOf()
  expect(review).toMatchObject({ device_id: device.id, rev: 1, status: 'review', votes: [] })
  expect(review.payments).toMatchObject([
    { local_id: `${device.id}/1`, status: 'review', reason: 'amount_review', amount: 80_000, type: 'merchant' },
    { local_id: `${device.id}/2`, status: 'review', reason: 'time_out_of_range', amount: 2_500 },
  ])
  expect(JSON.stringify(review)).not.toContain('W-')
  expect(await ok(call(auditor, 'GET', `/offline/bundles/${review.bundle_id}`))).toMatchObject({ status: 'review' })
})

it('wallets have names for the day, and one that is emptied from many tills shows', async () => {
  const victim = 'W-VICTIM-7'
  const initiatedAtMs = Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000
  const others = await Promise.all([registered(), registered()])
  for (const other of others) {
    queues.watch(other)
    const taken = { sender: victim, initiatedAtMs }
    await pushPayments(other, [other.payment(taken), other.payment(taken), other.payment({ initiatedAtMs })], queues)
  }
  const [first, second] = await Promise.all(
    others.map(async ({ id }) => (await ok(call(reviewer, 'GET', `/offline/reviews?device_id=${id}`))).reviews[0]),
  )
  expect(first.payments[0].payer).toMatchObject({ waiting: 4, devices: 2 })
  expect(first.payments[0].payer.name).toMatch(/^[0-9a-f]{12}$/)
  expect(second.payments[1].payer).toEqual(first.payments[0].payer)
  expect(first.payments[2].payer.name).not.toBe(first.payments[0].payer.name)
  expect(JSON.stringify([first, second])).not.toContain('W-')
  // Nobody who reads D1 can follow a wallet, and who is bound to a tenant counts what is his.
  expect(await dumpReadModel()).not.toContain(first.payments[0].payer.name)
})

describe('one person', () => {
  it('decides up to the amount: the payment goes on its way, and the reconciler is told who decided what', async () => {
    const answer = await ok(call(reviewer, 'POST', path(), ballot('approve', [2])))
    expect(answer.payments).toEqual([
      { local_id: `${device.id}/2`, choice: 'approve', agreed: ['user:binta'], needed: 1, decided: true },
    ])
    expect(resolutions()).toMatchObject([
      {
        ...{ kind: 'review', deviceId: device.id, seq: 1, rev: 1, bundleId: made.header.bundleId },
        ...{ choices: [{ counter: 2, choice: 'approve' }], actors: ['user:binta'] },
      },
    ])
    expect(await states()).toEqual(['review amount_review', 'pending', 'pending'])
  })

  it('is not enough above it: the vote is visible, and nothing is decided', async () => {
    await ok(call(reviewer, 'POST', path(), ballot('approve', [1])))
    expect(resolutions()).toEqual([])
    expect((await reviewOf()).votes).toMatchObject([
      {
        kind: 'review',
        local_id: `${device.id}/1`,
        choice: 'approve',
        actor: 'user:binta',
        reason: 'called the merchant',
      },
    ])
    expect((await states())[0]).toBe('review amount_review')
  })

  it('cannot vote twice, not even another way, nor under another role', async () => {
    await ok(call(reviewer, 'POST', path(), ballot('approve', [1])))
    const before = await dumpObject(device)
    for (const choice of ['approve', 'reject']) {
      await refused(call(reviewer, 'POST', path(), ballot(choice, [1])), 'already_voted')
      await refused(call({ ...admin, sub: 'binta' }, 'POST', path(), ballot(choice, [1, 2])), 'already_voted')
    }
    expect(await dumpObject(device)).toBe(before)
  })

  it('rejects with a reason that names nobody', async () => {
    await ok(call(reviewer, 'POST', path(), ballot('reject', [2], 'not known at +221 77 123 45 67 / a@b.sn')))
    expect(await states()).toEqual(['review amount_review', 'pending reviewer_rejected', 'pending'])
    expect(resolutions()[0]?.choices).toEqual([{ counter: 2, choice: 'reject' }])
    expect(await dumpObject(device)).not.toMatch(/221 77|a@b/)
  })
})

describe('two people', () => {
  it('who say the same decide', async () => {
    await ok(call(reviewer, 'POST', path(), ballot('approve', [1])))
    const answer = await ok(call(otherReviewer, 'POST', path(), ballot('approve', [1])))
    expect(answer.payments).toMatchObject([{ agreed: ['user:binta', 'user:cheikh'], needed: 2, decided: true }])
    expect(resolutions()).toMatchObject([{ rev: 1, actors: ['user:binta', 'user:cheikh'] }])
  })

  it('who do not agree decide nothing, until a third says which', async () => {
    await ok(call(reviewer, 'POST', path(), ballot('approve', [1])))
    await ok(call(otherReviewer, 'POST', path(), ballot('reject', [1])))
    expect(resolutions()).toEqual([])
    await ok(call(admin, 'POST', path(), ballot('reject', [1])))
    expect(resolutions()).toMatchObject([
      { choices: [{ counter: 1, choice: 'reject' }], actors: ['user:cheikh', 'user:awa'] },
    ])
    await refused(call({ ...reviewer, sub: 'late' }, 'POST', path(), ballot('approve', [1])), 'state_conflict')
  })

  it('ten votes at once: one resolution, with two of them', async () => {
    const people = Array.from({ length: 10 }, (_, i) => ({ sub: `person-${i}`, roles: ['pay_reviewer'] }))
    const answers = await Promise.all(people.map((one) => call(one, 'POST', path(), ballot('approve', [1]))))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
    expect(resolutions()).toHaveLength(1)
    expect(new Set(resolutions()[0]?.actors).size).toBe(2)
  })
})

it('an amount that cannot be known any more needs two, however small it may be', async () => {
  const { keys } = await keySet()
  const retired = keys.find(({ use, state }) => use === 'seal' && state === 'retired')
  if (retired === undefined) throw new Error('no retired key')
  const payload = { currency: currency('XOF'), entries: [device.payment()] }
  const sealed = await device.seal(payload, { version: 1, keys: [{ ...retired, state: 'active' }] })
  const bundle = new Uint8Array(sealed.bundle).buffer
  await inObject(device, ({ storage: { sql } }) =>
    unguarded(sql, 'bundles_bytes', () => void sql.exec('UPDATE bundles SET bundle = ?', bundle)),
  )
  expect((await ok(call(reviewer, 'POST', path(), ballot('approve', [2])))).payments).toMatchObject([
    { needed: 2, decided: false },
  ])
})

describe('all that waits', () => {
  it('at the rev that was seen: each by its own amount', async () => {
    const { rev } = await reviewOf()
    const answer = await ok(call(reviewer, 'POST', path(), ballot('approve', { all_at_rev: rev })))
    expect(answer.payments).toMatchObject([
      { needed: 2, decided: false },
      { needed: 1, decided: true },
    ])
  })
  it('at a rev that has passed: nobody decides about what he has not seen', async () => {
    const { rev } = await reviewOf()
    await ok(call(otherReviewer, 'POST', path(), ballot('approve', [2])))
    await refused(call(reviewer, 'POST', path(), ballot('approve', { all_at_rev: rev })), 'state_conflict')
  })
})

it('what does not wait cannot be voted about, and one such takes the others with it', async () => {
  const before = await dumpObject(device)
  for (const payments of [[3], [2, 3], [99]]) {
    await refused(call(reviewer, 'POST', path(), ballot('approve', payments)), 'state_conflict')
  }
  for (const payments of [[], [0], ['1'], [1.5], 'all', { all_at_rev: 0 }]) {
    await refused(call(reviewer, 'POST', path(), ballot('approve', payments)), 'invalid_request')
  }
  await refused(call(reviewer, 'POST', path(), { choice: 'approve', payments: [2] }), 'invalid_request')
  await refused(call(auditor, 'POST', path(), ballot('approve', [2])), 'forbidden')
  await refused(call({ ...reviewer, tenant: 'other' }, 'POST', path(), ballot('approve', [2])), 'not_found')
  expect(await dumpObject(device)).toBe(before)
})

it('the same request with its key: the same answer and one vote', async () => {
  const by = { ...reviewer, key: 'vote-1' }
  const first = await ok(call(by, 'POST', path(), ballot('approve', [2])))
  expect(await ok(call(by, 'POST', path(), ballot('approve', [2])))).toEqual(first)
  await refused(call(by, 'POST', path(), ballot('reject', [2])), 'idempotency_conflict')
  expect(resolutions()).toHaveLength(1)
})

describe('the resolution', () => {
  it('is owed until the reconciler has recorded it, and sent again by the alarm until then', async () => {
    await ok(call(reviewer, 'POST', path(), ballot('approve', [2])))
    const before = await owed(device)
    queues.clear()
    await inObject(device, ({ storage }) => storage.sql.exec('UPDATE resolutions SET at = at - 60000'))
    await alarm(device)
    expect(resolutions()).toHaveLength(1)
    await confirm(device, [{ kind: 'resolution_recorded', deviceId: device.id, rev: 1 }])
    queues.clear()
    await alarm(device)
    expect(resolutions()).toEqual([])
    expect((await owed(device)).settle).toBe(before.settle - 1)
  })

  it('for a rev that was not made confirms nothing', async () => {
    await ok(call(reviewer, 'POST', path(), ballot('approve', [2])))
    const before = await owed(device)
    await confirm(device, [{ kind: 'resolution_recorded', deviceId: device.id, rev: 7 }])
    expect(await owed(device)).toEqual(before)
  })

  it('is not undone by news that the reconciler sent before it heard of it', async () => {
    await ok(call(reviewer, 'POST', path(), ballot('approve', [2])))
    await settled(1, [1, 'review', 'amount_review'], [2, 'review', 'risk_review'], [3, 'succeeded'])
    expect(await states()).toEqual(['review amount_review', 'pending', 'succeeded'])
  })

  it('reaches the device as what came of it', async () => {
    await ok(call(reviewer, 'POST', path(), ballot('approve', [2])))
    for (const who of [reviewer, otherReviewer]) await ok(call(who, 'POST', path(), ballot('reject', [1])))
    await settled(1, [1, 'failed', 'reviewer_rejected'], [2, 'succeeded'], [3, 'succeeded'])
    const { notice } = await pushed((await device.resign(made)).bundle)
    expect(notice.outcomes).toMatchObject([
      { counter: 1, status: 'failed', reason: 'reviewer_rejected' },
      { counter: 2, status: 'succeeded' },
      { counter: 3, status: 'succeeded' },
    ])
    expect(await reviewOf()).toBeUndefined()
  })

  it('can be about what the reconciler itself held back', async () => {
    await settled(1, [3, 'quarantined', 'risk_rejected'])
    expect((await reviewOf()).payments).toHaveLength(3)
    await ok(call(reviewer, 'POST', path(), ballot('reject', [3])))
    expect(resolutions()[0]?.choices).toEqual([{ counter: 3, choice: 'reject' }])
  })
})

it('every vote and every resolution is in the audit log, by whom and from where', async () => {
  const from = { 'cf-connecting-ip': '196.207.1.77' }
  await ok(call(reviewer, 'POST', path(), ballot('approve', [1]), from))
  await ok(call(otherReviewer, 'POST', path(), ballot('approve', [1]), from))
  await deliverIndex(queues)
  const { records } = await ok(call(auditor, 'GET', `/offline/audit?device_id=${device.id}&limit=3`))
  expect(records.map(({ actor, action }: Record<string, string>) => `${actor} ${action}`)).toEqual([
    'user:cheikh review_decided',
    'user:cheikh review_voted',
    'user:binta review_voted',
  ])
  expect(records[0].detail).toMatchObject({ rev: 1, choice: 'approve', agreed: 'user:binta user:cheikh' })
  expect(records[0].detail.via).toContain('196.207.1.0/24')
  expect(records[0].request_id).toMatch(/^[\w-]{16}$/)
})
