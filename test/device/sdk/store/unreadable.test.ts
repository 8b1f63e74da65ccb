import { describe, expect, it } from 'vitest'
import { openExport, type Storage } from '../../../../src/device/sdk/index.ts'
import { nobleAtRest } from '../../../../src/device/sdk/noble.ts'
import { random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const PASSPHRASE = 'baobab à midi'

/** The same store, with a list of its items. */
const listing = (rig: Rig): Storage => ({
  getItem: (key) => rig.storage.getItem(key),
  setItem: (key, value) => rig.storage.setItem(key, value),
  removeItem: (key) => rig.storage.removeItem(key),
  keys: async () => [...rig.storage.items.keys(), 'of/another/app'],
})

const STORES = [
  ['a store that lists its items', listing],
  ['a store that does not', (rig: Rig): Storage => rig.storage],
] as const

/** One payment with its receipt and two without, in a bundle in flight and not; then no network. */
async function threePayments(over: Parameters<typeof Rig.create>[0] = {}) {
  const rig = await Rig.create(over)
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms({ amount: 1 }))
  await sdk.syncNow()
  rig.edge.weather = 'offline'
  await sdk.createOfflineTransaction(terms({ amount: 2 }))
  await sdk.syncNow()
  await sdk.createOfflineTransaction(terms({ amount: 3 }))
  return rig
}

const STATES = ['state/0', 'state/1']

describe.each(STORES)('%s', (_, storeOf) => {
  it('with its state lost: what is unsynced is unknown, whoever asks, and the file has every payment', async () => {
    const rig = await threePayments()
    for (const key of STATES) rig.put(key, 'm1.')
    const sdk = rig.sdk({ storage: storeOf(rig) })
    expect(sdk.state.unsynced).toBe('unknown')
    expect(await sdk.initialize()).toMatchObject({ status: 'needs_network', unsynced: 'unknown' })
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 'unknown' })
    const rescued = await openExport(await sdk.exportUnsynced(PASSPHRASE), PASSPHRASE)
    expect(rescued).toMatchObject({ deviceId: 'POS-001', nextCounter: 4, outgoing: { firstCounter: 2 } })
    // The receipt of the first is on disk.
    expect(rescued?.payments).toMatchObject([
      { localId: 'POS-001/2', amount: 2 },
      { localId: 'POS-001/3', amount: 3 },
    ])
    expect(rescued?.chain).toBeUndefined()
    expect(rescued?.records?.['payment/2']).toBe(rig.stored('payment/2'))
    expect(await sdk.destroy()).toEqual({ unsynced: 'unknown', warning: 'unsynced_payments' })
  })

  it('written by a later version: the same, and the file has the records as they stand', async () => {
    const rig = await threePayments()
    for (const key of STATES) rig.put(key, rig.stored(key)?.replace('m1.', 'm2.') ?? 'm2.')
    const sdk = rig.sdk({ storage: storeOf(rig) })
    expect(await sdk.initialize()).toMatchObject({ status: 'blocked', unsynced: 'unknown' })
    const rescued = await openExport(await sdk.exportUnsynced(PASSPHRASE), PASSPHRASE)
    expect(rescued?.payments.map(({ localId }) => localId)).toEqual(['POS-001/2', 'POS-001/3'])
    expect(await sdk.destroy()).toMatchObject({ warning: 'unsynced_payments' })
  })

  it('sealed with another key: the same, and nobody reads the payments without that key', async () => {
    const rig = await threePayments({ atRest: nobleAtRest(random(32), random) })
    rig.atRest = nobleAtRest(random(32), random)
    const sdk = rig.sdk({ storage: storeOf(rig) })
    expect(await sdk.initialize()).toMatchObject({ status: 'blocked', unsynced: 'unknown' })
    const rescued = await openExport(await sdk.exportUnsynced(PASSPHRASE), PASSPHRASE)
    expect(rescued?.payments).toEqual([])
    expect(rescued?.damaged.map(({ counter, kind }) => [counter, kind])).toEqual([1, 2, 3].map((n) => [n, 'locked']))
    expect(rescued?.records?.['payment/3']).toBe(rig.stored('payment/3'))
    expect(await sdk.destroy()).toMatchObject({ warning: 'unsynced_payments' })
  })

  it('that holds nothing has nothing to lose', async () => {
    const rig = await Rig.create()
    rig.edge.weather = 'offline'
    const sdk = rig.sdk({ storage: storeOf(rig) })
    expect(await sdk.initialize()).toMatchObject({ status: 'needs_network', unsynced: 0 })
    const rescued = await openExport(await sdk.exportUnsynced(PASSPHRASE), PASSPHRASE)
    expect(rescued).toMatchObject({ payments: [], damaged: [] })
    expect(await sdk.destroy()).toEqual({ unsynced: 0 })
  })
})

it('finds payments far from the first one in a store without a list', async () => {
  const rig = await threePayments()
  const far = new Map([...rig.storage.items].filter(([key]) => key.includes('outgoing')))
  rig.storage.items.clear()
  for (const [key, text] of far) rig.storage.items.set(key, text)
  rig.put('payment/9876', 'm1.torn')
  const sdk = rig.sdk()
  expect(await sdk.initialize()).toMatchObject({ unsynced: 'unknown' })
  const rescued = await openExport(await sdk.exportUnsynced(PASSPHRASE), PASSPHRASE)
  expect(rescued?.damaged).toMatchObject([{ counter: 9876, kind: 'unreadable' }])
})

it('a device that was not initialized is read for the file', async () => {
  const rig = await threePayments()
  const rescued = await openExport(await rig.sdk().exportUnsynced(PASSPHRASE), PASSPHRASE)
  expect(rescued).toMatchObject({ chain: { seq: 1 }, payments: [{ amount: 2 }, { amount: 3 }] })
})
