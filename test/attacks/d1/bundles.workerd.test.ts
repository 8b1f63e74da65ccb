import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { ulidText } from '../../../src/protocol/ids.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { type Queues, recordQueues } from '../../durable-objects/device/kit.ts'
import { registered } from '../../edge/kit.ts'
import { auditor, call, ok, pushPayments, reviewer } from '../../edge/routes/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { alarms, withoutTriggers, writeD1 } from './kit.ts'

/** Whoever can write to D1 shows no reviewer another payment than the one that waits. */
let queues: Queues
let device: TestDevice
let first: Made
let second: Made

beforeAll(async () => {
  queues = await recordQueues()
})
beforeEach(async () => {
  device = await registered()
  const waits = (amount: number) =>
    device.payment({ amount: amountMinor(amount), sender: device.ownerWallet, receiver: 'W-B', approval: 'AGENT-7' })
  first = await pushPayments(device, [waits(80_000)], queues)
  second = await pushPayments(device, [waits(99_000)], queues)
})

const idOf = ({ header }: Made) => ulidText(header.bundleId)
const reviews = async () =>
  (await ok(call(reviewer, 'GET', `/offline/reviews?device_id=${device.id}`))).reviews as Record<string, unknown>[]
const review = async (made: Made) => (await reviews()).find(({ bundle_id }) => bundle_id === idOf(made))
const change = async (set: string) => {
  const again = await withoutTriggers('offline_tx_bundles')
  await writeD1(`UPDATE offline_tx_bundles SET ${set} WHERE bundle_id = ?`, idOf(first))
  await again()
}
const ofSecond = (column: string) =>
  `${column} = (SELECT b.${column} FROM offline_tx_bundles b WHERE b.bundle_id = '${idOf(second)}')`

// It waits no more: each test counts its own alarm alone.
afterEach(() => change("status = 'rejected'"))

it('what a reviewer sees is opened from the bytes that the receipt names, and says so', async () => {
  const count = await alarms('bundle', async () => {
    expect(await review(first)).toMatchObject({ contents: 'verified', payments: [{ amount: 80_000 }] })
  })
  expect(count).toBe(0)
})

it.each<[string, () => string]>([
  ['another bundle', () => ofSecond('bundle')],
  ['another bundle with its receipt', () => `${ofSecond('bundle')}, ${ofSecond('receipt')}`],
  ['another receipt', () => ofSecond('receipt')],
  ['garbage for the bundle', () => "bundle = x'd2'"],
  ['garbage for the receipt', () => "receipt = x''"],
])('of a row that has %s nothing is shown, the page says so, and an alarm counts', async (_, set) => {
  await change(set())
  const count = await alarms('bundle', async () => {
    const shown = await review(first)
    expect(shown).toMatchObject({ contents: 'not_verified', payments: [{ counter: 1, status: 'review' }] })
    expect(JSON.stringify(shown)).not.toMatch(/"amount"|"initiated_at"/)
  })
  expect(count).toBe(1)
  expect(await review(second), 'and the others are').toMatchObject({ contents: 'verified' })
  const one = await ok(call(auditor, 'GET', `/offline/bundles/${idOf(first)}?device_id=${device.id}`))
  expect(one).toMatchObject({ contents: 'not_verified' })
  expect(one.digest).toBeUndefined()
})
