import { evictDurableObject } from 'cloudflare:test'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { WrappedKeys } from '../../../src/crypto/local-keys.ts'
import { toHex } from '../../../src/protocol/bytes.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { currency } from '../../../src/protocol/money.ts'
import { recordQueues, select, settleSeqs, stubOf } from '../../durable-objects/device/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { bindings, expectRefusal, fetchWith, keySet, push, pushed, pushInit, receiptOf, registered } from '../kit.ts'

/** The same bundle again, however it comes: one admission, the same receipt, the very bytes. */
let keys: KeySet
let device: TestDevice
let queues: Awaited<ReturnType<typeof recordQueues>>

beforeAll(async () => {
  queues = await recordQueues()
  keys = await keySet()
})
afterAll(() => queues.restore())
beforeEach(async () => {
  device = await registered()
  queues.clear()
})

const receiptHex = async ({ bundle }: Pick<Made, 'bundle'>) => toHex((await pushed(bundle)).receiptBytes)

/** What one admission of `count` payments of 2 500 leaves behind, and not a row more. */
async function expectAdmittedOnce(made: Made, count: number): Promise<void> {
  const bundles = await select<{ seq: number; bundle: ArrayBuffer; nonce: ArrayBuffer }>(
    device,
    'SELECT * FROM bundles',
  )
  expect(bundles.map(({ bundle }) => toHex(new Uint8Array(bundle)))).toEqual([toHex(made.bundle)])
  const [row] = await select(device, 'SELECT head, counters, activity FROM device')
  expect(row).toMatchObject({ head: 1, counters: `[[1,${count}]]` })
  expect(JSON.parse(`${row?.['activity']}`).map(([, day]: [string, unknown]) => day)).toEqual([
    { count, value: 2500 * count },
  ])
  const actions = (await select(device, 'SELECT action FROM audit ORDER BY id')).map(({ action }) => action)
  expect(actions).toEqual(['device_registered'])
  expect(await select(device, 'SELECT * FROM evidence')).toEqual([])
}

it('five pushes, two of them at once: one admission, five identical receipts, one message to settle', async () => {
  const made = await device.bundle([device.payment(), device.payment()], keys)
  const receipts = await Promise.all([receiptHex(made), receiptHex(made)])
  receipts.push(await receiptHex(made))
  receipts.push(...(await Promise.all([receiptHex(made), receiptHex(made)])))
  expect(receipts).toHaveLength(5)
  expect(new Set(receipts).size).toBe(1)
  await expectAdmittedOnce(made, 2)
  expect(settleSeqs(queues)).toEqual([1])
})

it('twenty first pushes at once are one admission', async () => {
  const made = await device.bundle([device.payment()], keys)
  const receipts = await Promise.all(Array.from({ length: 20 }, () => receiptHex(made)))
  expect(new Set(receipts).size).toBe(1)
  await expectAdmittedOnce(made, 1)
  expect(settleSeqs(queues)).toEqual([1])
})

it('signed again with another time and nonce it is the same bundle, also at once with the first', async () => {
  const made = await device.bundle([device.payment()], keys)
  const again = await Promise.all(Array.from({ length: 4 }, () => device.resign(made)))
  const first = await receiptHex(made)
  const receipts = await Promise.all(again.map(receiptHex))
  expect(new Set([first, ...receipts]).size).toBe(1)
  await expectAdmittedOnce(made, 1)
})

it('evicted between any two calls, the object tells the same', async () => {
  const made = await device.bundle([device.payment()], keys)
  const receipts: string[] = []
  for (let i = 0; i < 5; i++) {
    await evictDurableObject(stubOf(device))
    receipts.push(await receiptHex(i % 2 === 0 ? made : await device.resign(made)))
  }
  expect(new Set(receipts).size).toBe(1)
  await expectAdmittedOnce(made, 1)
})

it('a receipt that is asked for again after others were given is still the same', async () => {
  const first = await device.bundle([device.payment()], keys)
  const receipt = await receiptHex(first)
  for (let i = 0; i < 3; i++) await pushed((await device.bundle([device.payment()], keys)).bundle)
  expect(await receiptHex(first)).toBe(receipt)
})

it('a bundle whose recipient key was retired after its admission still gets its receipt; a new one is refused', async () => {
  const retired = retire()
  const [made, late] = [await device.bundle([device.payment()], keys), await device.bundle([device.payment()], keys)]
  const receipt = await receiptHex(made)
  const again = await receiptOf(await fetchWith(retired, '/offline/push', pushInit((await device.resign(made)).bundle)))
  expect(toHex(again.receiptBytes)).toBe(receipt)
  await expectRefusal(await fetchWith(retired, '/offline/push', pushInit(late.bundle)), 'unknown_recipient_key')
  await expectAdmittedOnce(made, 1)
})

it('an id that was admitted does not hand its receipt to other sealed bytes that do not open', async () => {
  const made = await device.bundle([device.payment()], keys)
  await pushed(made.bundle)
  const other = await device.seal({ currency: currency('XOF'), entries: [device.payment()] }, keys, made.header)
  const response = await fetchWith(retire(), '/offline/push', pushInit(other.bundle))
  await expectRefusal(response, 'unknown_recipient_key')
})

it('payments that come again in another bundle count once, and the copies say so', async () => {
  const entries = [device.payment(), device.payment()]
  const made = await device.bundle(entries, keys)
  await pushed(made.bundle)
  const copies = await device.bundle([...entries, device.payment()], keys)
  const { receipt } = await pushed(copies.bundle)
  expect(receipt.exceptions).toEqual([
    { counter: 1, decision: 'refused', reason: 'duplicate' },
    { counter: 2, decision: 'refused', reason: 'duplicate' },
  ])
  const [row] = await select(device, 'SELECT counters, activity FROM device')
  expect(row?.['counters']).toBe('[[1,3]]')
  expect(`${row?.['activity']}`).toContain('{"count":3,"value":7500}')
})

it('a refusal for the clock does not use up the nonce', async () => {
  const late = await device.bundle([device.payment()], keys, { signedAtMs: Date.now() - 86_400_000 })
  await expectRefusal(await push(late.bundle), 'clock_skew')
  const same = await device.resign(late, { nonce: late.header.nonce })
  expect((await pushed(same.bundle)).receipt.seq).toBe(1)
})

/** The settings once the active seal key is retired and the one before is active again. */
function retire() {
  const edgeKeys = JSON.parse(bindings.EDGE_KEYS) as WrappedKeys
  const swapped = { active: 'retired', retiring: 'active', retired: 'retired' } as const
  const moved = edgeKeys.keys.map((key) => (key.use === 'seal' ? { ...key, state: swapped[key.state] } : key))
  return { EDGE_KEYS: JSON.stringify({ ...edgeKeys, version: edgeKeys.version + 1, keys: moved }) }
}
