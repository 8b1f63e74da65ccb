import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Fetch, memoryStorage, OfflineSDK } from '../../../src/device/sdk/index.ts'
import { parseBundle } from '../../../src/protocol/bundle.ts'
import { confirm, describeDevice, recordQueues } from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { ORIGIN, push, receiptOf, registered, SELF } from '../kit.ts'

/** The SDK's core in workerd, where there is neither DOM nor Node, against the Worker itself. */
let restore: () => void

beforeAll(async () => {
  ;({ restore } = await recordQueues())
})
afterAll(() => restore())

const toWorker: Fetch = (url, { method, headers, body }) =>
  SELF.fetch(url, { method, headers, ...(body && { body: body as BodyInit }) })

/** An SDK as an app makes it: no suite, no clock, no random source passed in. */
async function sdkOf(device: TestDevice, over: { readonly fetch?: Fetch; readonly items?: Map<string, string> } = {}) {
  const sdk = new OfflineSDK({
    apiUrl: ORIGIN,
    deviceId: device.id,
    storage: memoryStorage(over.items),
    atRest: 'none',
    keyStore: { load: async () => ({ status: 'ready', signer: device.signer }) },
    fetch: over.fetch ?? toWorker,
  })
  await sdk.initialize()
  return sdk
}

const terms = (device: TestDevice, amount = 2500) =>
  ({ type: 'merchant', amount, currency: 'XOF', sender: '+221770000001', receiver: device.ownerWallet }) as const

it('takes payments offline and is given the edge’s receipt for them, and their outcomes', async () => {
  const device = await registered()
  let offline = false
  const sent: Uint8Array[] = []
  const sdk = await sdkOf(device, {
    fetch: async (url, request) => {
      if (offline) throw new TypeError('offline')
      if (request.body) sent.push(request.body)
      return toWorker(url, request)
    },
  })
  expect(sdk.state.status).toBe('ready')
  offline = true
  for (const amount of [100, 200, 300]) await sdk.createOfflineTransaction(terms(device, amount))
  await sdk.voidTransaction(2)
  expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 3 })
  offline = false
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
  const ids = sdk.getTransactions().map(({ status, receipted }) => [status, receipted])
  expect(ids).toEqual([
    ['claimed', true],
    ['voided', true],
    ['claimed', true],
  ])
  expect(sent).toHaveLength(1)
  const { bundleId } = parseBundle(sent[0] ?? new Uint8Array()).claims
  const outcomes = [{ counter: 1, status: 'succeeded', atMs: Date.now(), transferId: crypto.randomUUID() }] as const
  await confirm(device, [{ kind: 'bundle_settled', deviceId: device.id, bundleId, seq: 1, rev: 1, outcomes }])
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', outcomes: 1 })
  expect(sdk.getTransaction(`${device.id}/1`)?.status).toBe('succeeded')
})

it('an answer is lost, the process ends: the next one sends the same bundle and is given the same receipt', async () => {
  const device = await registered()
  const items = new Map<string, string>()
  let arrived = 0
  const sdk = await sdkOf(device, {
    items,
    fetch: async (url, request) => {
      const response = await toWorker(url, request)
      if (request.method === 'GET') return response
      arrived = response.status
      throw new TypeError('connection reset')
    },
  })
  await sdk.createOfflineTransaction(terms(device))
  expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 1 })
  expect(arrived).toBe(200)
  const restarted = await sdkOf(device, { items })
  expect(await restarted.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
  expect(await describeDevice(device)).toMatchObject({ head: 1, contradictions: 0 })
})

it('another device carries the bundle: its receipt acknowledges the payments, and the device’s own sync changes nothing', async () => {
  const device = await registered()
  const sdk = await sdkOf(device)
  await sdk.createOfflineTransaction(terms(device))
  const relay = await sdk.sealForRelay()
  if (relay === undefined) throw new Error('nothing to relay')
  const response = await push(relay.bytes)
  const { receipt, receiptBytes } = await receiptOf(response)
  expect(receipt).toMatchObject({ deviceId: device.id, firstCounter: 1, lastCounter: 1 })
  const [acknowledged] = await sdk.acceptRelayedReceipt(receiptBytes)
  expect(acknowledged).toMatchObject({ localId: `${device.id}/1`, receipted: true })
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 0, unsynced: 0 })
})
