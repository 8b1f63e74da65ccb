import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BundleCarrier } from '../../../src/device/relay/index.ts'
import { type Fetch, memoryStorage, OfflineSDK } from '../../../src/device/sdk/index.ts'
import { sendWaiting } from '../../../src/edge/ingest/settle-sender.ts'
import { statesOf } from '../../../src/protocol/payment-states.ts'
import { bundleFromScreen, receiptFromScreen } from '../../device/qr/screen.ts'
import { age, recordQueues, select, settleSeqs, stubOf } from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { keySet, ORIGIN, pushed, registered, SELF } from '../kit.ts'

/** A till without a network and a customer's phone with one: the whole way of a payment that is carried. */
const fetchEdge: Fetch = (url, { method, headers, body }) =>
  SELF.fetch(url, { method, headers, body: body as BodyInit })
let queues: Awaited<ReturnType<typeof recordQueues>>
let device: TestDevice
let online: boolean
let sdk: OfflineSDK
let storage: Map<string, string>

async function started(): Promise<OfflineSDK> {
  const started = new OfflineSDK({
    apiUrl: ORIGIN,
    deviceId: device.id,
    storage: memoryStorage(storage),
    atRest: 'none',
    keyStore: { load: async () => ({ status: 'ready', signer: device.signer }) },
    fetch: async (url, request) => {
      if (!online) throw new TypeError('no network')
      return fetchEdge(url, request)
    },
  })
  await started.initialize()
  await started.syncNow()
  return started
}

beforeAll(async () => {
  queues = await recordQueues()
})
afterAll(() => queues.restore())
beforeEach(async () => {
  device = await registered()
  await sendWaiting()
  queues.clear()
  online = true
  storage = new Map()
  sdk = await started()
  online = false
})

const take = async () => {
  const terms = { type: 'merchant', amount: 2500, currency: 'XOF', sender: '+221770000001' } as const
  return (await sdk.createOfflineTransaction({ ...terms, receiver: device.ownerWallet })).localId
}

/** @returns the receipt that the carrier was given */
async function carriedToEdge(): Promise<Uint8Array> {
  const relay = await sdk.sealForRelay()
  if (relay === undefined) throw new Error('nothing waits')
  const carrier = new BundleCarrier({ apiUrl: ORIGIN, storage: memoryStorage(), fetch: fetchEdge })
  await carrier.carry(bundleFromScreen(relay.bytes))
  await carrier.pushCarried()
  const [carried] = await carrier.list()
  if (carried?.state.status !== 'delivered') throw new Error(JSON.stringify(carried))
  return carried.state.receipt
}

const accept = (receipt: Uint8Array) => sdk.acceptRelayedReceipt(receipt)

async function expectAdmitted(seqs: readonly number[]): Promise<void> {
  expect((await select(device, 'SELECT seq FROM bundles ORDER BY seq')).map(({ seq }) => seq)).toEqual(seqs)
  expect(await select(device, 'SELECT * FROM evidence')).toEqual([])
  await sendWaiting()
  expect(settleSeqs(queues)).toEqual(seqs)
}

it('carried to the edge, and the receipt carried back: acknowledged without any network, and the next one can go', async () => {
  const [one, other] = [await take(), await take()]
  const receipt = receiptFromScreen(await carriedToEdge())
  expect(sdk.getTransaction(one)).toMatchObject({ status: 'pending_offline', receipted: false })
  expect((await accept(receipt)).map(({ localId }) => localId)).toEqual([one, other])
  expect(sdk.getTransaction(one)).toMatchObject({ status: 'claimed', receipted: true })
  expect(await accept(receipt)).toEqual([])

  const next = await take()
  await accept(receiptFromScreen(await carriedToEdge()))
  expect(sdk.getTransaction(next)).toMatchObject({ receipted: true })
  online = true
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 0, unsynced: 0 })
  await expectAdmitted([1, 2])
})

it('carried to the edge, and the till comes online before the receipt is back: its own sync brings it, posted once', async () => {
  const localId = await take()
  const receipt = await carriedToEdge()
  online = true
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
  expect(sdk.getTransaction(localId)).toMatchObject({ receipted: true })
  expect(await accept(receipt)).toEqual([])
  await expectAdmitted([1])
})

it('a receipt that nobody signed, or that is another device’s, acknowledges nothing', async () => {
  const localId = await take()
  const receipt = await carriedToEdge()
  const forged = receipt.with(-1, (receipt.at(-1) ?? 0) ^ 1)
  const other = await registered()
  const others = await pushed((await other.bundle([other.payment()], await keySet())).bundle)
  for (const wrong of [forged, others.receiptBytes, new Uint8Array()]) {
    await expect(accept(wrong)).rejects.toMatchObject({ code: 'answer_invalid', money: 'kept_on_device' })
  }
  expect(sdk.getTransaction(localId)).toMatchObject({ status: 'pending_offline', receipted: false })
})

describe('the till loses its state while a bundle is with a carrier', () => {
  const HOUR = 3_600_000

  it('and goes on: what is carried lands, nothing means two payments, nobody is suspended, and nobody has to look', async () => {
    online = true
    await take()
    await sdk.syncNow()
    online = false
    await take()
    await take()
    const relay = await sdk.sealForRelay()
    if (relay === undefined) throw new Error('nothing waits')
    storage.clear()
    online = true
    sdk = await started()
    const after = await take()
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1 })
    expect(sdk.getTransaction(after)).toMatchObject({ status: 'claimed', receipted: true })
    const carrier = new BundleCarrier({ apiUrl: ORIGIN, storage: memoryStorage(), fetch: fetchEdge })
    await carrier.carry(relay.bytes)
    await carrier.pushCarried()
    expect(await carrier.list()).toMatchObject([{ state: { status: 'delivered' } }])
    await take()
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })

    expect(await select(device, 'SELECT status FROM device')).toEqual([{ status: 'active' }])
    expect(await select(device, 'SELECT * FROM evidence')).toEqual([])
    const bundles = await select(device, 'SELECT seq, first_counter, last_counter, payments FROM bundles ORDER BY seq')
    const counters = bundles.flatMap(({ payments }) => statesOf(JSON.parse(payments as string)))
    expect(counters.map(([, status]) => status)).toEqual(Array(5).fill('claimed'))
    expect(new Set(counters.map(([counter]) => counter)).size).toBe(5)
    expect(bundles.map(({ first_counter }) => first_counter).slice(0, 2)).toEqual([1, 2])
    await sendWaiting()
    expect(settleSeqs(queues).toSorted((x, y) => x - y)).toEqual(bundles.map(({ seq }) => seq))
    // What was left out is not missing: not named to the device, and no gap that people must look at.
    const described = await stubOf(device).describe()
    expect(described).toMatchObject({ ok: true, value: { missing: [], missingSeqs: [] } })
    await age(device, 100 * HOUR)
    await stubOf(device).wake()
    expect(await select(device, 'SELECT kind FROM escalations')).toEqual([])
  })

  it('a copy that still has the state and goes on is found out by its second bundle', async () => {
    online = true
    await take()
    await sdk.syncNow()
    const [copied, copyOf] = [sdk, storage]
    storage = new Map()
    sdk = await started()
    await take()
    expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
    const recovered = sdk
    sdk = copied
    expect(copyOf.size).toBeGreaterThan(0)
    await take()
    expect(await copied.syncNow()).toMatchObject({ status: 'done' })
    await take()
    expect(await copied.syncNow()).toMatchObject({ status: 'stopped' })
    expect(await select(device, 'SELECT kind FROM evidence')).toEqual([{ kind: 'chain_fork' }])
    expect(recovered.state.unsynced).toBe(0)
  })
})
