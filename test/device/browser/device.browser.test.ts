import { openDB } from 'idb'
import { describe, expect, it } from 'vitest'
import { browserKeyStore, currentDevice, enrolDevice, openOfflineDevice } from '../../../src/device/browser/index.ts'
import { isPayment } from '../../../src/protocol/payment.ts'
import { API, DEVICE } from '../sdk/edge.ts'
import { terms } from '../sdk/rig.ts'
import { EnrolmentEdge } from './enrolment-edge.ts'
import { connectionsOf, fillDisk, freshName, isClosed, replaceKeys, storedKeys } from './kit.ts'
import { type Till, till, work, workUntil } from './till.ts'

/** Everything that stands in the store, as text. */
async function records(name: string): Promise<Record<string, string>> {
  const database = await openDB(name)
  const [keys, values] = [await database.getAllKeys('records'), await database.getAll('records')]
  database.close()
  return Object.fromEntries(keys.map((key, index) => [String(key), values[index]]))
}

/** What the edge admitted, a line a payment. */
const admitted = ({ edge }: Till) =>
  edge.bundles
    .flatMap(({ entries }) => entries)
    .map((entry) => `${DEVICE}/${entry.counter} ${isPayment(entry) ? entry.amount : 'void'}`)

describe('a device in a browser', () => {
  it('takes payments, sends them, and hears their outcome', async () => {
    const shop = await till()
    const sdk = await shop.start()
    for (const amount of [500, 1000, 2500]) await sdk.createOfflineTransaction(terms({ amount }))
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
    expect(admitted(shop)).toEqual([`${DEVICE}/1 500`, `${DEVICE}/2 1000`, `${DEVICE}/3 2500`])
    shop.edge.settleAll()
    await sdk.syncNow()
    expect(sdk.getTransactions().map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded'])
    await sdk.destroy()
  })

  it('has its payments after a restart without a network, and nothing of them can be read in its storage', async () => {
    const shop = await till()
    const sdk = await shop.start()
    const sender = '+221770000001'
    await sdk.createOfflineTransaction(terms({ sender }))
    await sdk.destroy()
    const stored = await records(shop.name)
    expect(Object.keys(stored)).toContain(`molam/${DEVICE}/payment/1`)
    for (const text of Object.values(stored)) {
      // Long enough that sealed bytes do not spell it by chance.
      for (const secret of [sender, '770000001', 'merchant', 'Africa/Dakar']) expect(text).not.toContain(secret)
      expect(text).toMatch(/^s1\.[0-9a-f]{16}\.[\w-]+$/)
    }
    shop.edge.weather = 'offline'
    const again = await shop.start()
    expect(again.state).toMatchObject({ status: 'offline_ready', unsynced: 1 })
    expect(again.getTransactions()).toMatchObject([{ localId: `${DEVICE}/1`, sender, amount: 2500 }])
    await again.destroy()
  })

  it('takes no payment on a full disk, says so, and takes the next one under the same number', async () => {
    const shop = await till()
    const sdk = await shop.start()
    const full = fillDisk()
    await expect(sdk.createOfflineTransaction(terms({ amount: 100 }))).rejects.toMatchObject({
      code: 'storage_failed',
      money: 'not_taken',
      next: 'reopen',
    })
    full.restore()
    expect(sdk.getTransactions()).toEqual([])
    await sdk.createOfflineTransaction(terms({ amount: 200 }))
    await sdk.syncNow()
    expect(admitted(shop)).toEqual([`${DEVICE}/1 200`])
    await sdk.destroy()
  })

  it('refuses once another window has forgotten it: no payment goes into an empty database', async () => {
    const shop = await till()
    const sdk = await shop.start()
    indexedDB.deleteDatabase(shop.name)
    await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ money: 'not_taken' })
    expect(await currentDevice(shop.name)).toBeUndefined()
    expect(await records(shop.name)).toEqual({})
  })

  it('holds no connection once it is destroyed', async () => {
    const shop = await till()
    const connections = await connectionsOf(async () => (await shop.start()).destroy())
    expect(connections.map(isClosed)).toEqual([true])
  })

  it('is not opened as another device, nor in a browser without Web Locks', async () => {
    const shop = await till()
    await expect(shop.open({ deviceId: 'POS-002' })).rejects.toMatchObject({ code: 'key_mismatch' })
    Object.defineProperty(navigator, 'locks', { configurable: true, value: undefined })
    try {
      await expect(shop.open()).rejects.toThrow(/no Web Locks/)
    } finally {
      delete (navigator as { locks?: unknown }).locks
    }
    await (await shop.open()).destroy()
  })

  it('that was never enrolled is blocked and stores nothing, until it is', async () => {
    const name = freshName()
    const enrolmentEdge = new EnrolmentEdge()
    const { fetch, code } = enrolmentEdge
    const sdk = await openOfflineDevice({ apiUrl: API, deviceId: DEVICE, name, fetch, autoSync: false })
    expect(await sdk.initialize()).toMatchObject({ status: 'blocked', error: { code: 'key_missing', next: 'enrol' } })
    expect(await records(name)).toEqual({})
    await enrolDevice({ apiUrl: API, deviceId: DEVICE, code, fetch, keyStore: browserKeyStore(name) })
    expect(await sdk.initialize()).toMatchObject({ status: 'ready' })
    await sdk.createOfflineTransaction(terms())
    await sdk.destroy()
  })
})

describe('keys that are gone or not its own', () => {
  it('lock the store: nothing in it changes, and with the right keys the payments are there and are sent', async () => {
    const foreign = await storedKeys((await till()).name)
    const shop = await till()
    const own = await storedKeys(shop.name)
    const sdk = await shop.start()
    await sdk.createOfflineTransaction(terms())
    await sdk.destroy()
    const before = await records(shop.name)
    for (const keys of [undefined, foreign, { ...own, atRest: foreign.atRest }]) {
      await replaceKeys(shop.name, keys)
      const opened = await shop.start()
      expect(opened.state).toMatchObject({
        status: 'blocked',
        error: { code: 'store_locked', money: 'unread' },
      })
      await expect(opened.createOfflineTransaction(terms())).rejects.toMatchObject({ money: 'not_taken' })
      await expect(opened.syncNow()).rejects.toMatchObject({ code: 'store_locked' })
      await opened.destroy()
      expect(await records(shop.name)).toEqual(before)
    }
    await replaceKeys(shop.name, own)
    const again = await shop.start()
    expect(await again.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(admitted(shop)).toEqual([`${DEVICE}/1 2500`])
    await again.destroy()
  })

  it('of another enrolment sign nothing: the payments stay', async () => {
    const shop = await till()
    const own = await storedKeys(shop.name)
    const sdk = await shop.start()
    await sdk.createOfflineTransaction(terms())
    await sdk.destroy()
    const { signing } = await storedKeys((await till()).name)
    await replaceKeys(shop.name, { ...own, signing })
    const opened = await shop.start()
    expect(opened.state).toMatchObject({ status: 'blocked', error: { code: 'key_mismatch', next: 'enrol' } })
    expect(await opened.syncNow()).toMatchObject({ status: 'stopped', unsynced: 1, error: { code: 'key_mismatch' } })
    await opened.destroy()
    expect(shop.edge.requests.filter(({ path }) => path === '/offline/push')).toEqual([])
    await replaceKeys(shop.name, own)
    const again = await shop.start()
    expect(await again.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(admitted(shop)).toEqual([`${DEVICE}/1 2500`])
    await again.destroy()
  })
})

describe('several contexts on one storage', () => {
  it('three at once give no counter twice, and every payment is sent once', async () => {
    const shop = await till()
    await (await shop.start()).destroy()
    const steps = [1, 2, 3, 'sync', 4, 5, 'sync', 6, 'sync'] as const
    const shifts = [1, 2, 3].map((worker) =>
      work(shop, {
        payer: `+22177000000${worker}`,
        steps: steps.map((step) => (step === 'sync' ? step : worker * 100 + step)),
      }),
    )
    const told = (await Promise.all(shifts)).flatMap((worked) => worked.told)
    const sdk = await shop.start()
    await sdk.syncNow()
    expect(sdk.state).toMatchObject({ unsynced: 0 })
    expect(new Set(told.map(({ localId }) => localId)).size).toBe(18)
    expect(admitted(shop).toSorted()).toEqual(told.map(({ localId, amount }) => `${localId} ${amount}`).toSorted())
    expect(shop.edge.contradictions).toEqual([])
    await sdk.destroy()
  })

  it('each sees what the others have done', async () => {
    const shop = await till()
    const [one, two] = [await shop.start(), await shop.start()]
    const heard = new Promise((resolve) => two.on('payment', resolve))
    await one.createOfflineTransaction(terms())
    expect(await heard).toMatchObject({ localId: `${DEVICE}/1`, status: 'pending_offline' })
    expect(two.getTransactions()).toHaveLength(1)
    await Promise.all([one.destroy(), two.destroy()])
  })
})

describe('a context that dies', () => {
  const steps = [500, 1000, 'sync', 2500, 'sync'] as const

  /** What must hold whatever happened: a new context on the same storage goes on, and the edge has each payment once. */
  async function expectRecovery(shop: Till, told: readonly string[], untold: number, what: string): Promise<void> {
    const sdk = await shop.start()
    const next = await sdk.createOfflineTransaction(terms({ amount: 9999 }))
    expect(await sdk.syncNow(), what).toMatchObject({ status: 'done', unsynced: 0 })
    const sent = admitted(shop)
    expect(sent, what).toEqual(expect.arrayContaining([...told, `${next.localId} 9999`]))
    expect(sent.length - told.length - 1, what).toBeLessThanOrEqual(untold)
    expect(new Set(shop.edge.counters).size, what).toBe(sent.length)
    expect(shop.edge.contradictions, what).toEqual([])
    await sdk.destroy()
  }

  it('at any of its writes, before or after it: what was told is sent once, and nothing else is', async () => {
    const { told: all, writes } = await workUntil(await till(), steps, undefined)
    expect(all).toHaveLength(3)
    expect(writes).toBeGreaterThan(8)
    for (let write = 1; write <= writes; write++) {
      for (const when of ['before', 'after'] as const) {
        const shop = await till()
        const { told } = await workUntil(shop, steps, { write, when })
        // At most the payment whose write it died after: nobody was told of it, and nobody can know that.
        await expectRecovery(shop, told, when === 'after' ? 1 : 0, `${when} write ${write}`)
      }
    }
  })

  it('as a process, in the middle of a sync, leaves no lock behind', async () => {
    const payer = '+221770000009'
    const shop = await till()
    const whole = await work(shop, { steps: [500, 'sync'], payer })
    expect(whole).toMatchObject({ ended: 'done', told: [{ localId: `${DEVICE}/1`, amount: 500 }] })
    // Its second write is that of the bundle in flight: the sync holds both locks.
    const { told, ended } = await work(shop, { steps: [1000, 'sync'], payer, diesAt: { write: 2, when: 'after' } })
    expect([ended, told]).toEqual(['dead', [{ localId: `${DEVICE}/2`, amount: 1000 }]])
    await expectRecovery(shop, [`${DEVICE}/1 500`, `${DEVICE}/2 1000`], 0, 'terminated')
  })
})
