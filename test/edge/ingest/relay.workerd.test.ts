import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BundleCarrier, type CarrierOptions } from '../../../src/device/relay/index.ts'
import { memoryStorage } from '../../../src/device/sdk/ports/storage.ts'
import { sendWaiting } from '../../../src/edge/ingest/settle-sender.ts'
import { BUNDLE_MEDIA_TYPE } from '../../../src/protocol/bundle.ts'
import { toHex } from '../../../src/protocol/bytes.ts'
import { decodeCbor } from '../../../src/protocol/cbor.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { decodeReceipt } from '../../../src/protocol/receipt.ts'
import { bundleFromScreen, receiptFromScreen } from '../../device/qr/screen.ts'
import {
  accepted,
  confirm,
  readNotice,
  recordQueues,
  select,
  settleSeqs,
  stubOf,
} from '../../durable-objects/device/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { expectRefusal, keySet, ORIGIN, push, pushed, receiptOf, registered, SELF, verified } from '../kit.ts'

/** A bundle that another phone brings, from the screen of the device to the edge and back, through the real Worker. */
const HOUR = 3_600_000
const MEDIA = { 'content-type': BUNDLE_MEDIA_TYPE, accept: 'application/cbor' }
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
  await sendWaiting()
  queues.clear()
})

const fetchEdge: CarrierOptions['fetch'] = (url, { method, headers, body }) =>
  SELF.fetch(url, { method, headers, body: body as BodyInit })
const phone = (over: Partial<CarrierOptions> = {}) =>
  new BundleCarrier({ apiUrl: ORIGIN, storage: memoryStorage(), fetch: fetchEdge, ...over })

async function receiptAt(carrier: BundleCarrier): Promise<Uint8Array> {
  const [carried] = await carrier.list()
  if (carried?.state.status !== 'delivered') throw new Error(JSON.stringify(carried?.state))
  return carried.state.receipt
}

async function expectAdmittedOnce(): Promise<void> {
  expect(await select(device, 'SELECT seq FROM bundles')).toEqual([{ seq: 1 }])
  expect(await select(device, 'SELECT * FROM evidence')).toEqual([])
  await sendWaiting()
  expect(settleSeqs(queues)).toEqual([1])
}

it.each([
  ['one symbol', 3],
  ['several symbols', 60],
])('carried as %s, admitted, and the receipt that comes back verifies', async (_, count) => {
  const payments = Array.from({ length: count }, (_, at) => device.payment({ sender: `+2217700${10_000 + at}` }))
  const made = await device.bundle(payments, keys, { relay: true })
  const carrier = phone()
  await carrier.carry(bundleFromScreen(made.bundle))
  expect(await carrier.pushCarried()).toEqual({ delivered: 1, refused: 0, waiting: 0 })
  const back = receiptFromScreen(await receiptAt(carrier))
  const receipt = decodeReceipt(await verified(back, 'molam-receipt-v1'))
  expect(receipt).toMatchObject({ deviceId: device.id, seq: 1, firstCounter: 1, lastCounter: count })
  expect(toHex(receipt.digest)).toBe(toHex(made.digest))
  await expectAdmittedOnce()
})

it('carried by two phones and then pushed by the device itself: admitted once, one receipt', async () => {
  const made = await device.bundle([device.payment(), device.payment()], keys, { relay: true })
  // The device is asked for its code again: another nonce, another time, the same sealed bytes.
  const again = await device.resign(made)
  const [one, other] = [phone(), phone()]
  await one.carry(bundleFromScreen(made.bundle))
  await other.carry(bundleFromScreen(again.bundle))
  await Promise.all([one.pushCarried(), other.pushCarried()])
  const own = await pushed((await device.resign(made, { relay: false })).bundle)
  const receipts = [await receiptAt(one), await receiptAt(other), own.receiptBytes].map(toHex)
  expect(new Set(receipts).size).toBe(1)
  await expectAdmittedOnce()
})

it('the device that syncs first leaves nothing for the carrier to do but to fetch the same receipt', async () => {
  const made = await device.bundle([device.payment()], keys)
  const carried = await device.resign(made, { relay: true })
  const own = await pushed(made.bundle)
  const carrier = phone()
  await carrier.carry(bundleFromScreen(carried.bundle))
  await carrier.pushCarried()
  expect(toHex(await receiptAt(carrier))).toBe(toHex(own.receiptBytes))
  await expectAdmittedOnce()
})

it('a bundle may be as old as the policy lets relays be; an older one is refused for good, and the device still has it', async () => {
  const made = await device.bundle([device.payment()], keys, { relay: true, signedAtMs: Date.now() - 25 * HOUR })
  const late = phone()
  await late.carry(made.bundle)
  expect(await late.pushCarried()).toEqual({ delivered: 0, refused: 1, waiting: 0 })
  expect(await late.list()).toMatchObject([{ state: { status: 'refused', code: 'clock_skew' } }])
  expect(await select(device, 'SELECT seq FROM bundles')).toEqual([])
  const inTime = phone()
  await inTime.carry((await device.resign(made, { signedAtMs: Date.now() - 23 * HOUR })).bundle)
  expect(await inTime.pushCarried()).toEqual({ delivered: 1, refused: 0, waiting: 0 })
  await expectAdmittedOnce()
})

it('what was not signed for a relay is as young as any push: a carrier does not take it, and the edge neither', async () => {
  const made = await device.bundle([device.payment()], keys, { signedAtMs: Date.now() - HOUR })
  expect(await phone().carry(made.bundle)).toEqual({ ok: false, error: 'not_for_relay' })
  await expectRefusal(await push(made.bundle), 'clock_skew')
})

it('who carried it is in the audit trail, as it says itself', async () => {
  const made = await device.bundle([device.payment()], keys, { relay: true })
  const carrier = phone({ deviceId: 'PHONE-7' })
  await carrier.carry(made.bundle)
  await carrier.pushCarried()
  const [row] = await select(device, 'SELECT admitted_by FROM bundles')
  expect(JSON.parse(`${row?.['admitted_by']}`)).toMatchObject({ detail: { carried_by: 'PHONE-7' } })
})

it('a carrier that alters a byte delivers nothing, and no payment is touched', async () => {
  const made = await device.bundle([device.payment()], keys, { relay: true })
  const carrier = phone()
  await carrier.carry(made.bundle.with(-1, (made.bundle.at(-1) ?? 0) ^ 1))
  expect(await carrier.pushCarried()).toEqual({ delivered: 0, refused: 1, waiting: 0 })
  expect(await carrier.list()).toMatchObject([{ state: { status: 'refused', code: 'invalid_signature' } }])
  expect(await select(device, 'SELECT seq FROM bundles')).toEqual([])
})

/** A push as whoever carries the bundle may make it: with any cursor, or none. */
const pushAs = async (body: Uint8Array, headers: Record<string, string>) =>
  receiptOf(
    await SELF.fetch(`${ORIGIN}/offline/push`, {
      method: 'POST',
      headers: { ...MEDIA, ...headers },
      body: body as BodyInit,
    }),
  )

describe('whoever carries a bundle hears of its receipt, and nothing of the device, whatever it asks for', () => {
  let carried: Made

  beforeEach(async () => {
    const first = await device.bundle([device.payment(), device.payment()], keys)
    await pushed(first.bundle)
    const { bundleId, seq } = first.header
    const about = { deviceId: device.id, bundleId, seq }
    for (const counter of [1, 2]) {
      const outcomes = [{ counter, status: 'succeeded', atMs: counter }] as const
      await confirm(device, [{ kind: 'bundle_settled', ...about, rev: counter, outcomes }])
    }
    await confirm(device, [{ kind: 'device_recorded', deviceId: device.id, rev: 1, wallet: 'unknown' }])
    // Counter 3 has not come, so that there is something to miss.
    carried = await device.bundle([device.payment({ counter: 4 })], keys, { relay: true })
  })

  it.each([
    ['admitted', {}, 0],
    ['admitted', { 'molam-cursor': '0' }, 0],
    ['admitted', { 'molam-cursor': '1' }, 1],
    ['replayed', { 'molam-cursor': '0' }, 0],
    ['found, because its key is gone', { 'molam-cursor': '0' }, 0],
  ])('%s with %o: no outcomes, and the cursor stays where it was', async (how, headers, cursor) => {
    if (how !== 'admitted') await pushAs(carried.bundle, headers)
    const answer =
      how === 'found, because its key is gone'
        ? await stubOf(device).findReceipt({ claims: carried.header, digest: carried.digest, cursor })
        : undefined
    const told = answer === undefined ? (await pushAs(carried.bundle, headers)).notice : accepted(answer).notice
    expect(told.outcomes instanceof Uint8Array ? decodeCbor(told.outcomes) : told.outcomes).toEqual([])
    expect(told.cursor).toBe(cursor)
    expect(told.missing ?? []).toEqual([])
    expect(told.device).toBeUndefined()
    expect(told.ownerWalletFault ?? null).toBeNull()
    // Nothing counts as told: the device gets all of it.
    const own = await readNotice(device, told.cursor)
    expect(own).toMatchObject({ cursor: 2, missing: [3], ownerWalletFault: 'unknown' })
    expect(own.outcomes).toHaveLength(2 - cursor)
  })

  it('a push of the device itself is told all of it', async () => {
    await pushAs(carried.bundle, {})
    const own = await device.bundle([device.payment({ counter: 5 })], keys)
    expect((await pushAs(own.bundle, { 'molam-cursor': '0' })).notice).toMatchObject({
      ...{ cursor: 2, missing: [3], ownerWalletFault: 'unknown' },
      outcomes: [{ counter: 1 }, { counter: 2 }],
    })
    expect((await pushAs(own.bundle, {})).notice.device).toMatchObject({ ownerWallet: device.ownerWallet })
  })
})
