import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { BundleCarrier } from '../../../src/device/relay/index.ts'
import { type Fetch, memoryStorage, OfflineSDK } from '../../../src/device/sdk/index.ts'
import { bundleFromScreen, receiptFromScreen } from '../../device/qr/screen.ts'
import { recordQueues, select, settleSeqs } from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { keySet, ORIGIN, pushed, registered, SELF } from '../kit.ts'

/** A till without a network and a customer's phone with one: the whole way of a payment that is carried. */
const fetchEdge: Fetch = (url, { method, headers, body }) =>
  SELF.fetch(url, { method, headers, body: body as BodyInit })
let queues: Awaited<ReturnType<typeof recordQueues>>
let device: TestDevice
let online: boolean
let sdk: OfflineSDK

beforeAll(async () => {
  queues = await recordQueues()
})
afterAll(() => queues.restore())
beforeEach(async () => {
  device = await registered()
  queues.clear()
  online = true
  sdk = new OfflineSDK({
    apiUrl: ORIGIN,
    deviceId: device.id,
    storage: memoryStorage(),
    atRest: 'none',
    keyStore: { load: async () => ({ status: 'ready', signer: device.signer }) },
    fetch: async (url, request) => {
      if (!online) throw new TypeError('no network')
      return fetchEdge(url, request)
    },
  })
  await sdk.initialize()
  await sdk.syncNow()
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
  expect(settleSeqs(queues)).toEqual(seqs)
}

it('carried to the edge, and the receipt carried back: acknowledged without any network, and the next one can go', async () => {
  const [one, other] = [await take(), await take()]
  const receipt = receiptFromScreen(await carriedToEdge())
  expect(sdk.getTransaction(one)).toMatchObject({ status: 'pending_offline', receipted: false })
  expect((await accept(receipt)).map(({ localId }) => localId)).toEqual([one, other])
  expect(sdk.getTransaction(one)).toMatchObject({ status: 'pending', receipted: true })
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
    await expect(accept(wrong)).rejects.toMatchObject({ code: 'answer_invalid', money: 'safe_on_device' })
  }
  expect(sdk.getTransaction(localId)).toMatchObject({ status: 'pending_offline', receipted: false })
})
