import { describe, expect, it, vi } from 'vitest'
import { signAsEdge } from '../../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { memoryStorage, OfflineSDK, type OfflineSDKOptions, scalarKeyStore } from '../../../src/device/sdk/index.ts'
import { nobleSuite } from '../../../src/device/sdk/noble.ts'
import { PAYMENTS_PER_BUNDLE_MAX } from '../../../src/protocol/limits.ts'
import { API, answer, DEVICE, random } from './edge.ts'
import { Rig, terms } from './rig.ts'

it('a new device without a network waits for one, and starts when it comes', async () => {
  const rig = await Rig.create()
  rig.edge.weather = 'offline'
  const sdk = rig.sdk()
  expect(sdk.state.status).toBe('created')
  await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'not_ready', next: 'connect' })
  expect(await sdk.initialize()).toMatchObject({ status: 'needs_network', error: { code: 'network_failed' } })
  await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'not_ready', money: 'not_taken' })
  rig.edge.weather = undefined
  expect(await sdk.initialize()).toMatchObject({ status: 'ready', unsynced: 0 })
  expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ counter: 1 })
})

it('a device that was in contact once starts without a network', async () => {
  const rig = await Rig.create()
  await rig.started()
  rig.edge.weather = 'offline'
  const before = rig.edge.requests.length
  const sdk = await rig.started()
  expect(sdk.state.status).toBe('offline_ready')
  expect(rig.edge.requests.length).toBe(before)
  expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ status: 'pending_offline' })
})

it('a device that lost everything goes on behind what may still be under way', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  for (let i = 0; i < 3; i++) await sdk.createOfflineTransaction(terms())
  await sdk.syncNow()
  rig.storage.items.clear()
  const anew = await rig.started()
  const { counter } = await anew.createOfflineTransaction(terms())
  expect(counter).toBeGreaterThan(3 + PAYMENTS_PER_BUNDLE_MAX)
  expect(anew.state.damaged).toEqual([])
  expect(await anew.syncNow()).toMatchObject({ status: 'done' })
  const [first, second = 0, ...others] = rig.edge.bundles.map(({ seq }) => seq)
  expect([first, second > 3, others]).toEqual([1, true, []])
  expect(await (await rig.started()).createOfflineTransaction(terms())).toMatchObject({ counter: counter + 1 })
})

it('a device that does not send a cursor is told where it stands; one with a state sends it always', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  await sdk.syncNow()
  await sdk.syncNow()
  const cursors = rig.edge.requests.flatMap(({ path, headers }) =>
    path === '/offline/keys' ? [] : [headers['Molam-Cursor']],
  )
  expect(cursors).toEqual([undefined, '0', '0'])
})

describe('the device key', () => {
  it('missing: no payment is taken, and no new key is made', async () => {
    const rig = await Rig.create()
    await rig.started()
    const sdk = rig.sdk({ keyStore: { load: async () => ({ status: 'missing' }) } })
    expect(await sdk.initialize()).toMatchObject({ status: 'blocked', error: { code: 'key_missing', next: 'enrol' } })
    await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'device_blocked' })
  })

  it('of another enrolment: no payment is taken', async () => {
    const rig = await Rig.create()
    await rig.started()
    const sdk = rig.sdk({ keyStore: scalarKeyStore(webCryptoSuite, random(32)) })
    expect(await sdk.initialize()).toMatchObject({ status: 'blocked', error: { code: 'key_mismatch' } })
  })

  it('locked: payments are taken, and sent once it is unlocked', async () => {
    const rig = await Rig.create()
    await rig.started()
    let locked = true
    const keyStore = { load: async () => (locked ? { status: 'locked' as const } : rig.keyStore.load()) }
    const sdk = await rig.started({ keyStore })
    await sdk.createOfflineTransaction(terms())
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'key_locked' } })
    locked = false
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  })

  it('unknown to the edge: blocked, with what to do', async () => {
    const rig = await Rig.create()
    const sdk = rig.sdk({ keyStore: scalarKeyStore(webCryptoSuite, random(32)) })
    expect(await sdk.initialize()).toMatchObject({
      status: 'blocked',
      error: { code: 'invalid_signature', next: 'enrol' },
    })
  })
})

describe('the edge’s keys', () => {
  it('that come with the app are not asked for, and an impostor’s are not believed', async () => {
    const rig = await Rig.create()
    const impostor = await Rig.create()
    const sdk = await rig.started({ keys: impostor.edge.keySet })
    expect(sdk.state).toMatchObject({ status: 'needs_network', error: { code: 'answer_invalid' } })
    expect(rig.edge.requests.map(({ path }) => path)).toEqual(['/offline/notice'])
    expect((await rig.started({ keys: rig.edge.keySet })).state.status).toBe('ready')
  })

  it('are pinned: later ones are taken from a verified notice only', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    const forger = await webCryptoSuite.es256Signer(random(32))
    const forged = await signAsEdge(forger, random(8), random(10), 'molam-notice-v1')
    const restarted = await rig.started({
      fetch: async (url, request) =>
        url.endsWith('/notice') ? answer(200, 'application/cbor', forged) : rig.edge.fetch(url, request),
    })
    expect(await restarted.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'answer_invalid' } })
    expect(rig.edge.requests.filter(({ path }) => path === '/offline/keys')).toHaveLength(1)
    await rig.edge.rotate('seal', 'retiring')
    expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
  })
})

it('the constructor refuses an API URL or device id that cannot be', () => {
  const options = {
    apiUrl: 'https://edge.test',
    deviceId: 'POS-001',
    storage: memoryStorage(),
    atRest: 'none',
  } as const
  expect(() => new OfflineSDK(options)).not.toThrow()
  for (const apiUrl of ['edge.test', 'ftp://edge.test', 'https://edge.test?x=1', 'https://u@edge.test']) {
    expect(() => new OfflineSDK({ ...options, apiUrl }), apiUrl).toThrow(RangeError)
  }
  expect(() => new OfflineSDK({ ...options, deviceId: 'POS 1' })).toThrow(RangeError)
})

it('nobody stores payments in plain text by leaving something out', () => {
  const options = { apiUrl: API, deviceId: DEVICE, storage: memoryStorage() }
  // @ts-expect-error What is stored is encrypted, or somebody decided that it is not.
  expect(() => new OfflineSDK(options)).toThrow('atRest')
})

describe('a runtime without WebCrypto', () => {
  /** Makes an SDK where `crypto` can only make random bytes. */
  function without(over: Partial<OfflineSDKOptions>) {
    const { crypto } = globalThis
    const getRandomValues = crypto.getRandomValues.bind(crypto)
    vi.stubGlobal('crypto', { getRandomValues })
    try {
      const options = { apiUrl: API, deviceId: DEVICE, storage: memoryStorage(), atRest: 'none' } as const
      return new OfflineSDK({ ...options, ...over })
    } finally {
      vi.unstubAllGlobals()
    }
  }

  it('is told what to pass in', () => {
    expect(() => without({})).toThrow('@molam/offline/noble')
    expect(() => without({})).toThrow(TypeError)
  })

  it('is content with noble', () => {
    expect(() => without({ suite: nobleSuite(random) })).not.toThrow()
  })
})

it('with WebCrypto no suite is needed', async () => {
  const rig = await Rig.create()
  const { storage, keyStore } = rig
  const { fetch } = rig.edge
  const clock = { nowMs: () => rig.timeMs, monotonicMs: () => 0 }
  const sdk = new OfflineSDK({ apiUrl: API, deviceId: DEVICE, storage, atRest: 'none', keyStore, fetch, clock })
  expect(await sdk.initialize()).toMatchObject({ status: 'ready' })
  await sdk.createOfflineTransaction(terms())
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
})
