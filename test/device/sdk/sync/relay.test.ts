import { expect, it } from 'vitest'
import type { RelayBundle } from '../../../../src/device/sdk/index.ts'
import { BUNDLE_MEDIA_TYPE, parseBundle } from '../../../../src/protocol/bundle.ts'
import { ulidText } from '../../../../src/protocol/ids.ts'
import { decodePushResponse } from '../../../../src/protocol/notice.ts'
import { API, random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

/** Two payments on a device without a network, one of them voided, and the bundle that another device carries. */
async function sealed() {
  const rig = await Rig.create()
  const sdk = await rig.started()
  for (const amount of [1, 2, 3]) await sdk.createOfflineTransaction(terms({ amount }))
  await sdk.voidTransaction(2)
  const relay = await sdk.sealForRelay()
  if (relay === undefined) throw new Error('nothing to relay')
  return { rig, sdk, relay }
}

/** The carrier posts what it was shown. @returns the signed receipt and notice of the answer */
async function carry(rig: Rig, { bytes }: RelayBundle): Promise<{ receipt: Uint8Array; notice: Uint8Array }> {
  const headers = { 'Content-Type': BUNDLE_MEDIA_TYPE, Accept: 'application/cbor' }
  const request = {
    method: 'POST',
    headers,
    body: bytes,
    redirect: 'error',
    credentials: 'omit',
    cache: 'no-store',
  } as const
  const response = await rig.edge.fetch(`${API}/offline/push`, request)
  expect(response.status).toBe(200)
  return decodePushResponse(new Uint8Array(await response.arrayBuffer()))
}

it('says what is in it and until when it can be used, and is marked as a relay’s', async () => {
  const { rig, relay } = await sealed()
  const { claims } = parseBundle(relay.bytes)
  expect(claims).toMatchObject({ relay: true, seq: 1, deviceId: 'POS-001' })
  expect(relay.bundleId).toBe(ulidText(claims.bundleId))
  expect(relay.payments).toEqual(['POS-001/1', 'POS-001/3'])
  expect(relay.expiresAtMs - rig.timeMs).toBe(24 * 3_600_000)
})

it('carried first and then sent by the device: one admission, the same receipt', async () => {
  const { rig, sdk, relay } = await sealed()
  const { receipt: carried } = await carry(rig, relay)
  expect(sdk.state.unsynced).toBe(3)
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
  expect(rig.edge.bundles.map(({ receipt }) => receipt)).toEqual([carried])
  expect(rig.edge.counters).toEqual([1, 2, 3])
  expect(rig.edge.contradictions).toEqual([])
})

it('sent by the device first and then carried: one admission', async () => {
  const { rig, sdk, relay } = await sealed()
  await sdk.syncNow()
  await carry(rig, relay)
  expect(rig.edge.counters).toEqual([1, 2, 3])
  expect(rig.edge.contradictions).toEqual([])
})

it('asked for again, it is the same bundle under another signature; payments taken since are in the one after', async () => {
  const { rig, sdk, relay } = await sealed()
  await sdk.createOfflineTransaction(terms({ amount: 4 }))
  const again = await (await rig.started()).sealForRelay()
  const [first, second] = [relay, again].map((one) => one && parseBundle(one.bytes))
  expect(second?.payload).toEqual(first?.payload)
  expect(second?.claims.nonce).not.toEqual(first?.claims.nonce)
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 2 })
  expect(rig.edge.counters).toEqual([1, 2, 3, 4])
})

it('what was shown to a carrier cannot be voided any more, not after a restart either', async () => {
  const { rig, sdk } = await sealed()
  await expect(sdk.voidTransaction(1)).rejects.toMatchObject({ code: 'already_bundled' })
  await expect((await rig.started()).voidTransaction(1)).rejects.toMatchObject({ code: 'already_bundled' })
})

it('nothing waits: nothing is sealed', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  expect(await sdk.sealForRelay()).toBeUndefined()
  expect(rig.stored('outgoing/1')).toBeUndefined()
})

it('a bundle in flight whose record is lost is not sealed a second time before the edge was asked', async () => {
  const { rig } = await sealed()
  for (const slot of ['outgoing/0', 'outgoing/1']) if (rig.stored(slot)) rig.put(slot, 'm1.torn')
  const restarted = await rig.started()
  await expect(restarted.sealForRelay()).rejects.toMatchObject({ code: 'chain_in_doubt', next: 'connect' })
  await restarted.syncNow()
  expect(rig.edge.contradictions).toEqual([])
})

it('without its key the device seals nothing that it could not sign, and loses nothing', async () => {
  const { rig } = await sealed()
  const locked = await rig.started({ keyStore: { load: async () => ({ status: 'locked' }) } })
  await expect(locked.sealForRelay()).rejects.toMatchObject({ code: 'key_locked', money: 'kept_on_device' })
  expect(await (await rig.started()).syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
})

it('the receipt that a carrier brings back acknowledges the payments, offline; shown again, it changes nothing', async () => {
  const { rig, sdk, relay } = await sealed()
  const { receipt } = await carry(rig, relay)
  rig.edge.weather = 'offline'
  const acknowledged = await sdk.acceptRelayedReceipt(receipt)
  expect(acknowledged.map(({ localId, receipted }) => [localId, receipted])).toEqual([
    ['POS-001/1', true],
    ['POS-001/2', true],
    ['POS-001/3', true],
  ])
  expect(sdk.state.unsynced).toBe(0)
  expect(await sdk.acceptRelayedReceipt(receipt)).toEqual([])
  expect((await rig.started()).state.unsynced).toBe(0)
  rig.edge.weather = undefined
  await sdk.createOfflineTransaction(terms({ amount: 5 }))
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1 })
  expect(rig.edge.contradictions).toEqual([])
})

it('a receipt that is not the edge’s, not for this device, or of a bundle that is not in flight changes nothing', async () => {
  const { rig, sdk, relay } = await sealed()
  const stranger = await sealed()
  const { receipt: foreign } = await carry(stranger.rig, stranger.relay)
  const { receipt: own, notice } = await carry(rig, relay)
  const torn = own.slice()
  torn[torn.length - 1] = (torn.at(-1) ?? 0) ^ 1
  for (const receipt of [foreign, random(40), new Uint8Array(), torn, notice]) {
    await expect(sdk.acceptRelayedReceipt(receipt)).rejects.toMatchObject({ code: 'answer_invalid' })
  }
  expect(sdk.state.unsynced).toBe(3)
})
