import { beforeAll, beforeEach, expect, it } from 'vitest'
import { ulidText } from '../../../src/protocol/ids.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { type Queues, recordQueues } from '../../durable-objects/device/kit.ts'
import { registered } from '../../edge/kit.ts'
import { call, ok, pushPayments, refused } from '../../edge/routes/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { alarms, withoutTriggers, writeD1 } from './kit.ts'

/** Whoever can write to D1 shows no reviewer another payment than the one that waits. */
/** Devices of other tests wait too, whose objects are gone. */
const tenant = 'attacked'
const person = { sub: 'binta', roles: ['pay_reviewer', 'pay_auditor'], tenant }
let queues: Queues
let device: TestDevice
let other: TestDevice
let first: Made
let second: Made
let third: Made

beforeAll(async () => {
  queues = await recordQueues()
  other = await registered({ tenant })
})
beforeEach(async () => {
  device = await registered({ tenant })
  const waits = (amount: number) =>
    device.payment({ amount: amountMinor(amount), sender: device.ownerWallet, receiver: 'W-B' })
  first = await pushPayments(device, [waits(80_000)], queues)
  second = await pushPayments(device, [waits(99_000)], queues)
  // Nothing of it waits.
  third = await pushPayments(device, [device.payment()], queues)
})

const idOf = ({ header }: Made) => ulidText(header.bundleId)
const reviews = async (deviceId: string = device.id) =>
  (await ok(call(person, 'GET', `/offline/reviews?device_id=${deviceId}`))).reviews as Record<string, unknown>[]
const review = async (made: Made) => (await reviews()).find(({ bundle_id }) => bundle_id === idOf(made))
const change = async (set: string, bundleId = idOf(first)) => {
  const again = await withoutTriggers('offline_tx_bundles')
  await writeD1(`UPDATE offline_tx_bundles SET ${set} WHERE bundle_id = ?`, bundleId)
  await again()
}

const UNKNOWN = '01JZZZZZZZZZZZZZZZZZZZZZZZ'

it('what a reviewer sees is opened from the bytes that the receipt names, and says so', async () => {
  const count = await alarms('bundle', async () => {
    expect(await review(first)).toMatchObject({ contents: 'verified', payments: [{ amount: 80_000 }] })
  })
  expect(count).toBe(0)
})

it.each<[string, () => string]>([
  [
    'has the digest of another bundle',
    () => `digest = (SELECT b.digest FROM offline_tx_bundles b WHERE b.bundle_id = '${idOf(second)}')`,
  ],
  ['has garbage for the digest', () => "digest = x'd2'"],
  ['says that nothing of it waits', () => `status = 'accepted', payments = '[[1,1,"succeeded"]]', rev = rev + 100`],
])('a row that %s changes nothing of what a reviewer sees of a payment that waits', async (_, set) => {
  await change(set())
  const count = await alarms('bundle', async () => {
    expect(await review(first)).toMatchObject({ contents: 'verified', payments: [{ amount: 80_000 }] })
    const one = await ok(call(person, 'GET', `/offline/bundles/${idOf(first)}`))
    expect(one).toMatchObject({ contents: 'verified', status: 'review' })
  })
  expect(count).toBe(0)
})

it.each<[string, () => string, () => { deviceId?: string; made?: Made; bundleId?: string }]>([
  [
    'the digest of another bundle',
    () => `digest = (SELECT b.digest FROM offline_tx_bundles b WHERE b.bundle_id = '${idOf(second)}')`,
    () => ({ made: third }),
  ],
  ['garbage for the digest', () => "digest = x'd2'", () => ({ made: third })],
  ['a bundle that its object does not have', () => `bundle_id = '${UNKNOWN}'`, () => ({ bundleId: UNKNOWN })],
  ['the name of another device', () => `device_id = '${other.id}'`, () => ({ deviceId: other.id })],
  ['the name of a device that there is not', () => "device_id = 'POS-NOBODY'", () => ({ deviceId: 'POS-NOBODY' })],
])('of a row that has %s nothing is shown, the page says so, and an alarm counts', async (_, set, named) => {
  const { deviceId = device.id, made = first, bundleId = idOf(made) } = named()
  await change(set(), idOf(made))
  const path = `/offline/bundles/${bundleId}`
  let one: Record<string, unknown> = {}
  const count = await alarms('bundle', async () => {
    one = await ok(call(person, 'GET', `${path}?device_id=${deviceId}`))
    expect(await review(first), 'what waits is shown as it is').toMatchObject({ contents: 'verified' })
  })
  expect(count).toBe(1)
  expect(one).toMatchObject({ contents: 'not_verified' })
  for (const member of ['digest', 'bundle', 'receipt']) expect(one, member).not.toHaveProperty(member)
  await refused(call(person, 'GET', `${path}/original?device_id=${deviceId}`), 'not_found')
})
