import { describe, expect, it } from 'vitest'
import type { Hint } from '../../../src/device/sdk/index.ts'
import { Tabs } from './contexts.ts'
import { DEVICE } from './edge.ts'
import { Rig, terms } from './rig.ts'

/** A device that has just reached the edge and syncs by itself. */
async function connected(over: Parameters<Rig['started']>[0] = {}) {
  const rig = await Rig.create()
  const sdk = await rig.started({ autoSync: true, ...over })
  rig.edge.requests = []
  return { rig, sdk }
}

describe('prefer_online', () => {
  it('with a network: the payment comes back acknowledged', async () => {
    const { rig, sdk } = await connected()
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({
      taken: 'online',
      receipted: true,
      status: 'pending',
    })
    expect(rig.edge.counters).toEqual([1])
  })

  it('and the edge refuses it: it comes back refused, not as taken offline', async () => {
    const { rig, sdk } = await connected()
    rig.edge.decide = () => ({ decision: 'refused', reason: 'risk_rejected' })
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({
      taken: 'online',
      status: 'refused',
      reason: 'risk_rejected',
    })
  })

  it('an edge that does not answer is waited for until the deadline only; the payment is safe, and arrives later', async () => {
    const { rig, sdk } = await connected()
    rig.edge.faults = ['silent']
    const taking = sdk.createOfflineTransaction(terms())
    await expect.poll(() => rig.edge.bundles.length).toBe(1)
    expect(rig.timers.delaysMs).toContain(3_000)
    rig.timers.fireOnly(3_000)
    expect(await taking).toMatchObject({ taken: 'offline', status: 'pending_offline' })
    rig.timers.fireOnly(30_000)
    await expect.poll(() => sdk.state.syncing).toBe(false)
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.counters).toEqual([1])
  })

  it('after a failed contact nothing is tried while the payer waits', async () => {
    const { rig, sdk } = await connected()
    rig.edge.weather = 'offline'
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ taken: 'offline' })
    rig.edge.requests = []
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ taken: 'offline' })
    expect(rig.edge.requests).toEqual([])
  })

  it('while the platform says offline nothing is tried; a sync that is asked for is', async () => {
    let hear: (hint: Hint) => void = () => undefined
    const hints = (listener: (hint: Hint) => void) => {
      hear = listener
      return () => undefined
    }
    const { rig, sdk } = await connected({ hints })
    hear('offline')
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ taken: 'offline' })
    expect(rig.edge.requests).toEqual([])
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ taken: 'offline' })
    hear('online')
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ taken: 'online' })
  })

  it('without autoSync nothing is pushed', async () => {
    const { rig, sdk } = await connected({ autoSync: false })
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ taken: 'offline' })
    expect(rig.edge.requests).toEqual([])
  })

  it('a payment that is taken while a sync ends is pushed by the next one, at once', async () => {
    const { rig, sdk } = await connected()
    let taking: Promise<unknown> | undefined
    sdk.on('sync', () => {
      taking ??= sdk.createOfflineTransaction(terms())
    })
    await sdk.syncNow()
    expect(await taking).toMatchObject({ taken: 'online' })
    expect(rig.edge.counters).toEqual([1])
  })
})

describe('require_online', () => {
  const online = { behavior: 'require_online', autoSync: false } as const

  it('with a network: the edge is reached first, and the payment comes back acknowledged', async () => {
    const { rig, sdk } = await connected(online)
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ taken: 'online', receipted: true })
    expect(rig.edge.requests.map(({ path }) => path)).toEqual(['/offline/notice', '/offline/push'])
  })

  it.each(['offline', 'portal', 'truncated'] as const)(
    '%s: nothing is taken, and nothing is written',
    async (weather) => {
      const { rig, sdk } = await connected(online)
      rig.edge.weather = weather
      const before = new Map(rig.storage.items)
      const refusal = { code: 'online_required', money: 'not_taken', next: 'connect' }
      await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject(refusal)
      expect(rig.storage.items).toEqual(before)
      expect(sdk.getTransactions()).toEqual([])
    },
  )

  it('no answer until the deadline: nothing is taken, even when the answer comes afterwards', async () => {
    const { rig, sdk } = await connected(online)
    rig.edge.faults = ['silent']
    const taking = sdk.createOfflineTransaction(terms())
    await expect.poll(() => rig.timers.delaysMs).toContain(3_000)
    await expect.poll(() => rig.edge.requests.length).toBe(1)
    rig.timers.fireOnly(3_000)
    await expect(taking).rejects.toMatchObject({ code: 'online_required', money: 'not_taken' })
    rig.timers.fireOnly(30_000)
    await expect.poll(() => sdk.state.syncing).toBe(false)
    expect(sdk.getTransactions()).toEqual([])
  })

  it('the receipt is lost after the contact: the payment stands, says so, and is admitted once', async () => {
    const { rig, sdk } = await connected(online)
    rig.edge.faults = [undefined, 'lost']
    const taken = await sdk.createOfflineTransaction(terms())
    expect(taken).toMatchObject({ taken: 'offline', status: 'pending_offline', receipted: false })
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.entriesOf(taken.counter)).toMatchObject([{ amount: taken.amount }])
  })

  it('a bundle that could not be written may be on disk all the same: the payment stands', async () => {
    const { rig } = await connected()
    let full = false
    const storage = {
      getItem: (key: string) => rig.storage.getItem(key),
      removeItem: (key: string) => rig.storage.removeItem(key),
      setItem: (key: string, value: string) => {
        if (full && key.includes('/outgoing/')) throw new Error('QuotaExceededError')
        return rig.storage.setItem(key, value)
      },
    }
    const sdk = await rig.started({ ...online, storage })
    full = true
    expect(await sdk.createOfflineTransaction(terms({ amount: 1 }))).toMatchObject({ taken: 'offline' })
    full = false
    expect(sdk.getTransaction('POS-001/1')?.status).toBe('pending_offline')
  })

  it('it never left the device: it is voided on disk before the caller hears that it was not taken', async () => {
    const { rig } = await connected()
    const tabs = new Tabs(rig)
    const sdk = await rig.started({ ...tabs.open().options(), ...online })
    // Right after the contact another tab has its turn to sync, and does not end.
    let release: () => void = () => undefined
    sdk.on('sync', () => {
      void tabs.exclusive(`molam/${DEVICE}/sync`, () => new Promise<void>((resolve) => (release = resolve)), 0)
    })
    const taking = sdk.createOfflineTransaction(terms())
    await expect.poll(() => sdk.getTransactions().length).toBe(1)
    await expect.poll(() => rig.timers.delaysMs).toContain(3_000)
    rig.timers.fireOnly(3_000)
    await expect(taking).rejects.toMatchObject({ code: 'online_required', money: 'not_taken' })
    expect((await rig.started()).getTransaction('POS-001/1')?.status).toBe('voided')
    release()
    await sdk.syncNow()
    expect(rig.edge.entriesOf(1)).toEqual([{ counter: 1, voided: true }])
  })

  it('the rules refuse it as ever', async () => {
    const { sdk } = await connected(online)
    await expect(sdk.createOfflineTransaction(terms({ amount: 10_000_000 }))).rejects.toMatchObject({ code: 'refused' })
  })
})

describe('force_offline', () => {
  it('nothing is sent by itself, whatever happens; syncNow sends', async () => {
    let hear: (hint: Hint) => void = () => undefined
    const hints = (listener: (hint: Hint) => void) => {
      hear = listener
      return () => undefined
    }
    const { rig, sdk } = await connected({ behavior: 'force_offline', hints })
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ taken: 'offline' })
    for (const hint of ['online', 'visible', 'hidden'] as const) hear(hint)
    expect(rig.timers.pending.size).toBe(0)
    expect(rig.edge.requests).toEqual([])
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.timers.pending.size).toBe(0)
  })
})
