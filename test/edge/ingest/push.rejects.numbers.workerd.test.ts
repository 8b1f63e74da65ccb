import { beforeAll, beforeEach, expect, it } from 'vitest'
import { addRange } from '../../../src/protocol/counters.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { COUNTER_MAX, NUMBER_JUMP_MAX } from '../../../src/protocol/limits.ts'
import { currency } from '../../../src/protocol/money.ts'
import type { Notice } from '../../../src/protocol/notice.ts'
import { inObject, recordQueues, select } from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { expectRefusal, keySet, ORIGIN, push, pushed, receiptOf, registered, SELF } from '../kit.ts'

/** Counters and seqs that lie too far ahead are refused before they are spent, and a device is told only numbers that are taken. */
let keys: KeySet
let device: TestDevice

beforeAll(async () => {
  await recordQueues()
  keys = await keySet()
})
beforeEach(async () => {
  device = await registered()
})

const taken = () => select(device, 'SELECT seq, last_counter FROM bundles ORDER BY seq')

/** As if it had taken so many payments and bundles. */
const stands = (counter: number, seq: number) =>
  inObject(device, ({ storage }) => {
    const counters = JSON.stringify(addRange([], [1, counter]))
    storage.sql.exec('UPDATE device SET counters = ?, head = ?, done_through = ?', counters, seq, seq)
  })

/** What a device that starts without any state is told. */
async function factsAfter(body: Uint8Array): Promise<Notice['device']> {
  const headers = { 'content-type': 'application/vnd.molam.bundle+cose', accept: 'application/cbor' }
  const response = await SELF.fetch(`${ORIGIN}/offline/push`, { method: 'POST', headers, body: body as BodyInit })
  return (await receiptOf(response)).notice.device
}

it('a counter of the last 2^16 is refused before it is spent', async () => {
  for (const counter of [2 ** 32 - 1, COUNTER_MAX + 1]) {
    const made = await device.seal({ currency: currency('XOF'), entries: [device.payment({ counter })] }, keys)
    await expectRefusal(await push(made.bundle), 'invalid_payload')
  }
  expect(await taken()).toEqual([])
  expect((await pushed((await device.bundle([device.payment({ counter: 1 })], keys)).bundle)).receipt.seq).toBe(1)
})

it('a seq of the last 2^16 is refused before it is spent, also where it is within reach', async () => {
  await stands(COUNTER_MAX - 2, COUNTER_MAX - 2)
  const before = await select(device, 'SELECT head, counters FROM device')
  for (const seq of [COUNTER_MAX + 1, 2 ** 32 - 1]) {
    const made = await device.seal({ currency: currency('XOF'), entries: [device.payment({ counter: 1 })] }, keys, {
      seq,
    })
    await expectRefusal(await push(made.bundle), 'malformed_bundle')
  }
  expect(await select(device, 'SELECT head, counters FROM device')).toEqual(before)
  expect(await taken()).toEqual([])
})

it('a counter may lie 2^16 ahead of the highest that came, and no further', async () => {
  const far = await device.seal(
    { currency: currency('XOF'), entries: [device.payment({ counter: NUMBER_JUMP_MAX + 1 })] },
    keys,
  )
  await expectRefusal(await push(far.bundle), 'too_far_ahead')
  expect(await taken()).toEqual([])
  const near = await device.bundle([device.payment({ counter: NUMBER_JUMP_MAX })], keys)
  await pushed(near.bundle)
  await pushed((await device.bundle([device.payment({ counter: 2 * NUMBER_JUMP_MAX })], keys)).bundle)
  expect(await taken()).toEqual([
    { seq: 1, last_counter: NUMBER_JUMP_MAX },
    { seq: 2, last_counter: 2 * NUMBER_JUMP_MAX },
  ])
})

it('of a bundle that begins within reach the last counter counts', async () => {
  const entries = [device.payment({ counter: NUMBER_JUMP_MAX }), device.payment({ counter: NUMBER_JUMP_MAX + 1 })]
  await expectRefusal(await push((await device.bundle(entries, keys)).bundle), 'too_far_ahead')
  expect(await taken()).toEqual([])
})

it('a seq may lie 2^16 ahead of the highest that came, and no further', async () => {
  const ahead = (seq: number) => device.bundle([device.payment({ counter: 1 })], keys, { seq })
  await expectRefusal(await push((await ahead(NUMBER_JUMP_MAX + 1)).bundle), 'too_far_ahead')
  expect(await taken()).toEqual([])
  await pushed((await ahead(NUMBER_JUMP_MAX)).bundle)
  expect(await taken()).toEqual([{ seq: NUMBER_JUMP_MAX, last_counter: 1 }])
})

it('what a device is told as its next numbers is taken, to the last one; after that it is told none', async () => {
  await stands(COUNTER_MAX - 2, COUNTER_MAX - 2)
  const last = (counter: number, seq: number) => device.bundle([device.payment({ counter })], keys, { seq })
  const facts = await factsAfter((await last(COUNTER_MAX - 1, COUNTER_MAX - 1)).bundle)
  expect(facts).toMatchObject({ nextCounter: COUNTER_MAX, nextSeq: COUNTER_MAX })
  expect(await factsAfter((await last(COUNTER_MAX, COUNTER_MAX)).bundle)).toBeUndefined()
})
