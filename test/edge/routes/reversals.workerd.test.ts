import { beforeEach, describe, expect, it } from 'vitest'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { ReversalMessage } from '../../../src/protocol/messages.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { age, confirm, deliverIndex, dumpObject, lostQueues, type Queues } from '../../durable-objects/device/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { pushed, registered } from '../kit.ts'
import { admin, auditor, call, newDay, ok, otherReviewer, pushPayments, putInForce, refused, reviewer } from './kit.ts'

/** Undoing a payment that succeeded: decided by people, once, and told to the reconciler until it has it. */
let queues: Queues
let device: TestDevice
let made: Made
beforeEach(async () => {
  queues = await lostQueues()
  await newDay()
  device = await registered()
  queues.watch(device)
  const own = { sender: device.ownerWallet, receiver: 'W-SHOP' }
  const big = device.payment({ amount: amountMinor(60_000), ...own })
  made = await pushPayments(device, [big, device.payment(), device.payment()], queues)
  await settled(1, [1, 'succeeded'], [2, 'succeeded'])
  queues.clear()
})

const settled = (rev: number, ...outcomes: [number, 'succeeded' | 'reversed'][]) =>
  confirm(device, [
    {
      ...{ kind: 'bundle_settled', deviceId: device.id, bundleId: made.header.bundleId, seq: 1, rev },
      outcomes: outcomes.map(([counter, status]) => ({ counter, status, atMs: 1 })),
    } as const,
  ])
const path = (counter: number | string) => `/offline/transactions/${device.id}/${counter}/reverse`
const body = { reason: 'service_not_rendered', note: 'goods were returned' }
const sent = () => queues.settle.filter((message): message is ReversalMessage => message.kind === 'reversal')

it('one person up to the amount: the reconciler is told once, and the payment stays what it is until it answers', async () => {
  expect(await ok(call(reviewer, 'POST', path(2), body))).toMatchObject({ decided: true, needed: 1 })
  expect(sent()).toMatchObject([
    { rev: 1, counter: 2, seq: 1, bundleId: made.header.bundleId, reason: body.reason, actors: ['user:binta'] },
  ])
  await refused(call(otherReviewer, 'POST', path(2), body), 'state_conflict')
  expect(sent()).toHaveLength(1)
  await settled(2, [2, 'reversed'])
  const { notice } = await pushed((await device.resign(made)).bundle)
  expect(notice.outcomes.at(-1)).toMatchObject({ counter: 2, status: 'reversed' })
  await refused(call(otherReviewer, 'POST', path(2), body), 'state_conflict')
})

it('resolutions are numbered one after the other', async () => {
  await ok(call(reviewer, 'POST', path(2), body))
  for (const who of [reviewer, otherReviewer]) await ok(call(who, 'POST', path(1), body))
  expect(sent().map(({ rev }) => rev)).toEqual([1, 2])
})

describe('above the amount', () => {
  it('two people, and the same one is not two', async () => {
    expect(await ok(call(reviewer, 'POST', path(1), body))).toMatchObject({ decided: false, needed: 2 })
    await refused(call(reviewer, 'POST', path(1), body), 'already_voted')
    expect(sent()).toEqual([])
    expect(await ok(call(admin, 'POST', path(1), body))).toMatchObject({ decided: true })
    expect(sent()).toMatchObject([{ counter: 1, actors: ['user:binta', 'user:awa'] }])
  })
  it('the amount is the policy’s, whichever is in force now', async () => {
    const inForce = await ok(call(auditor, 'GET', '/offline/policies/SN'))
    const change = { country: 'SN', reason: 'test', changes: { review_two_people_above: 100_000 } }
    await putInForce({ ...change, after_version: inForce.version })
    expect(await ok(call(reviewer, 'POST', path(1), body))).toMatchObject({ decided: true, needed: 1 })
  })
})

it('takes one of the reasons, and a note in which nobody is named', async () => {
  for (const reason of ['goods were returned', 'a mistake', '', undefined]) {
    await refused(call(reviewer, 'POST', path(2), { ...body, reason }), 'invalid_request')
  }
  await ok(call(reviewer, 'POST', path(2), { reason: 'wrong_amount', note: 'asked by +221 77 123 45 67' }))
  expect(sent()).toMatchObject([{ reason: 'wrong_amount' }])
  expect(await dumpObject(device)).not.toContain('221 77')
  await deliverIndex(queues)
  const shown = await ok(
    call(auditor, 'GET', `/offline/bundles/${ulidText(made.header.bundleId)}?device_id=${device.id}`),
  )
  expect(shown.votes).toMatchObject([{ kind: 'reversal', reason: 'wrong_amount', note: 'asked by ***' }])
})

it('on the 90th day it can be reversed, on the 91st not', async () => {
  await age(device, 90 * DAY_MS - 60_000)
  await ok(call(reviewer, 'POST', path(2), body))
  await age(device, 120_000)
  const before = await dumpObject(device)
  await refused(call(reviewer, 'POST', path(1), body), 'too_late_to_reverse')
  expect(await dumpObject(device)).toBe(before)
})

it('what has not succeeded, or is not there, cannot be reversed', async () => {
  const before = await dumpObject(device)
  await refused(call(reviewer, 'POST', path(3), body), 'state_conflict')
  await refused(call(reviewer, 'POST', path(4), body), 'not_found')
  await refused(call(reviewer, 'POST', '/offline/transactions/NOBODY/1/reverse', body), 'not_found')
  for (const counter of ['0', '01', '-1', 'x', '4294967296', '99999999999']) {
    await refused(call(reviewer, 'POST', path(counter), body), 'not_found', counter)
  }
  await refused(call(reviewer, 'POST', path(2), { reason: 'x' }), 'invalid_request')
  await refused(call(auditor, 'POST', path(2), body), 'forbidden')
  await refused(call({ ...reviewer, tenant: 'other' }, 'POST', path(2), body), 'not_found')
  expect(await dumpObject(device)).toBe(before)
})
