import { describe, expect, it } from 'vitest'
import { type Channel, type OfflinePayment, OfflineSDK } from '../../../../src/device/sdk/index.ts'
import { Tabs } from '../contexts.ts'
import { API, DEVICE, random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

/** Two tabs on one storage; without a channel, they hear of each other only under the lock. */
async function twoTabs({ channel = true } = {}) {
  const rig = await Rig.create()
  const tabs = new Tabs(rig)
  const [left, right] = [tabs.open(), tabs.open()]
  const [one, two] = [await rig.started(left.options(channel)), await rig.started(right.options(channel))]
  return { rig, tabs, left, right, one, two }
}

const amounts = (payments: readonly OfflinePayment[]) => payments.map(({ amount }) => amount)

describe.each([{ channel: true }, { channel: false }])('two tabs on one storage, %o', (options) => {
  it('payments taken in turn and at once get counters of their own, and both tabs know them all', async () => {
    const { rig, one, two } = await twoTabs(options)
    await one.createOfflineTransaction(terms({ amount: 1 }))
    await two.createOfflineTransaction(terms({ amount: 2 }))
    await one.createOfflineTransaction(terms({ amount: 3 }))
    await Promise.all(
      [4, 5, 6, 7].map((amount) => (amount % 2 ? one : two).createOfflineTransaction(terms({ amount }))),
    )
    expect(await two.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.counters).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(await one.syncNow()).toMatchObject({ status: 'done', unsynced: 0, bundles: 0 })
    for (const sdk of [one, two]) expect(amounts(sdk.getTransactions()).sort()).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(one.getTransactions().every(({ receipted }) => receipted)).toBe(true)
  })

  it('what one tab voided is not sent by the other', async () => {
    const { rig, one, two } = await twoTabs(options)
    await one.createOfflineTransaction(terms({ amount: 1 }))
    await two.createOfflineTransaction(terms({ amount: 2 }))
    await one.voidTransaction(1)
    expect(await two.syncNow()).toMatchObject({ status: 'done' })
    expect(rig.edge.entriesOf(1)).toEqual([{ counter: 1, voided: true }])
    expect(two.getTransaction('POS-001/1')?.status).toBe('voided')
  })

  it('what one tab has put into a bundle, the other cannot void', async () => {
    const { rig, one, two } = await twoTabs(options)
    await one.createOfflineTransaction(terms({ amount: 1 }))
    rig.edge.weather = 'offline'
    await two.syncNow()
    await expect(one.voidTransaction(1)).rejects.toMatchObject({ code: 'already_bundled' })
  })

  it('the day’s limit counts the payments of both', async () => {
    const { rig, one, two } = await twoTabs(options)
    rig.edge.policy = { ...rig.edge.policy, version: 2, maxOfflinePerDevicePerDay: 3 }
    await one.syncNow()
    await one.createOfflineTransaction(terms())
    await two.createOfflineTransaction(terms())
    await one.createOfflineTransaction(terms())
    await expect(two.createOfflineTransaction(terms())).rejects.toMatchObject({ reason: 'limit_exceeded' })
  })

  it('a bundle whose answer one tab lost is sent by the other with the same bytes, and admitted once', async () => {
    const { rig, left, one, two } = await twoTabs(options)
    await one.createOfflineTransaction(terms({ amount: 1 }))
    rig.edge.faults = ['lost']
    await one.syncNow()
    left.end()
    await two.createOfflineTransaction(terms({ amount: 2 }))
    expect(await two.syncNow()).toMatchObject({ status: 'done', bundles: 2, unsynced: 0 })
    expect(rig.edge.bundles.map(({ seq }) => seq)).toEqual([1, 2])
    expect(rig.edge.contradictions).toEqual([])
  })

  it('syncs of both at once are one after the other, and neither pushes what the other did', async () => {
    const { rig, one, two } = await twoTabs(options)
    for (const sdk of [one, two, one]) await sdk.createOfflineTransaction(terms())
    rig.edge.requests = []
    const reports = await Promise.all([one.syncNow(), two.syncNow()])
    expect(reports).toMatchObject([
      { status: 'done', bundles: 1, unsynced: 0 },
      { status: 'done', bundles: 0, unsynced: 0 },
    ])
    expect(rig.edge.requests.map(({ path }) => path)).toEqual(['/offline/push', '/offline/notice'])
  })

  it('a removal of what is long done in one tab is no loss in the other', async () => {
    const { rig, one, two } = await twoTabs(options)
    for (const sdk of [one, two]) await sdk.createOfflineTransaction(terms())
    await one.syncNow()
    rig.edge.settleAll()
    await one.syncNow()
    await two.syncNow()
    rig.timeMs += 40 * 86_400_000
    await one.syncNow()
    await two.syncNow()
    expect(two.state).toMatchObject({ damaged: [], unsynced: 0 })
    expect(two.getTransactions()).toEqual([])
    expect(await two.createOfflineTransaction(terms())).toMatchObject({ counter: 3 })
  })
})

it('a payment does not wait for a sync of another tab that hangs', async () => {
  const { rig, one, two } = await twoTabs()
  await one.createOfflineTransaction(terms({ amount: 1 }))
  rig.edge.faults = ['silent']
  const hanging = one.syncNow()
  await expect.poll(() => rig.edge.bundles.length).toBe(1)
  expect(await two.createOfflineTransaction(terms({ amount: 2 }))).toMatchObject({ counter: 2 })
  rig.timers.fire()
  expect(await hanging).toMatchObject({ status: 'retry_later', error: { code: 'timed_out' }, unsynced: 2 })
  expect(await two.syncNow()).toMatchObject({ status: 'done', bundles: 2 })
})

it('a tab hears what another did: payments, receipts, outcomes, and that the device is ready', async () => {
  const rig = await Rig.create()
  const tabs = new Tabs(rig)
  rig.edge.weather = 'offline'
  const two = await rig.started(tabs.open().options())
  expect(two.state.status).toBe('needs_network')
  rig.edge.weather = undefined
  const one = await rig.started(tabs.open().options())
  const heard: string[] = []
  two.on('payment', ({ localId, status }) => void heard.push(`${localId} ${status}`))
  await expect.poll(() => two.state.status).toBe('ready')
  await one.createOfflineTransaction(terms())
  await expect.poll(() => two.state.unsynced).toBe(1)
  await one.syncNow()
  await expect.poll(() => two.state.waiting).toBe(1)
  rig.edge.settleAll()
  await one.syncNow()
  await expect.poll(() => two.getPendingTransactions()).toEqual([])
  rig.edge.settle(1, 'reversed')
  await one.syncNow()
  await expect.poll(() => two.getTransaction('POS-001/1')?.status).toBe('reversed')
  const [first, ...rest] = ['pending_offline', 'pending', 'succeeded', 'reversed'].map(
    (status) => `POS-001/1 ${status}`,
  )
  expect(heard).toEqual([first, ...rest])
})

describe('with a month of history', () => {
  /** Two tabs, and payments that are paid: only a reversal can still come. */
  async function month() {
    const { rig, one, two } = await twoTabs({ channel: false })
    for (let i = 0; i < 300; i++) await one.createOfflineTransaction(terms({ amount: 100 }))
    await one.syncNow()
    rig.edge.settleAll()
    await one.syncNow()
    const look = async () => {
      const { calls } = rig.storage
      await two.exportUnsynced(random(32))
      return rig.storage.calls - calls
    }
    await look()
    return { rig, one, two, look }
  }

  it('what one tab does costs the other a few reads, not one for each payment', async () => {
    const { rig, one, two, look } = await month()
    await one.createOfflineTransaction(terms({ amount: 7 }))
    expect(await look()).toBeLessThan(60)
    await one.voidTransaction(301)
    expect(await look()).toBeLessThan(60)
    expect(two.getTransaction('POS-001/301')?.status).toBe('voided')
    rig.edge.settle(7, 'reversed')
    rig.timeMs += 1000
    await one.syncNow()
    expect(await look()).toBeLessThan(60)
    expect(two.getTransaction('POS-001/7')?.status).toBe('reversed')
  })

  it('a tab that slept through more than is remembered reads all that may have changed', async () => {
    const { rig, one, two, look } = await month()
    const reversed = Array.from({ length: 12 }, (_, index) => 1 + 20 * index)
    for (const counter of reversed) {
      rig.edge.settle(counter, 'reversed')
      await one.syncNow()
    }
    await look()
    const seen = two.getTransactions().filter(({ status }) => status === 'reversed')
    expect(seen.map(({ counter }) => counter)).toEqual(reversed)
  })
})

describe('the status of a tab', () => {
  it('is not better for another tab’s payment: only an answer of the edge makes it ready', async () => {
    const { rig, one, two } = await twoTabs()
    rig.edge.weather = 'offline'
    await two.syncNow()
    expect(two.state.status).toBe('offline_ready')
    await one.createOfflineTransaction(terms())
    await expect.poll(() => two.state.unsynced).toBe(1)
    expect(two.state.status).toBe('offline_ready')
    rig.edge.weather = undefined
    rig.timeMs += 1000
    await one.syncNow()
    await expect.poll(() => two.state.status).toBe('ready')
  })

  it('follows a suspension and its end, whichever tab hears of them', async () => {
    const { rig, one, two } = await twoTabs()
    rig.edge.status = 'suspended'
    await two.createOfflineTransaction(terms())
    await two.syncNow()
    await expect.poll(() => one.state.status).toBe('blocked')
    rig.edge.status = 'active'
    rig.timeMs += 1000
    await one.syncNow()
    await expect.poll(() => two.state.status).toBe('ready')
    await two.createOfflineTransaction(terms())
  })

  it('stays blocked by its own missing key, whatever the others reach', async () => {
    const { tabs, rig, one } = await twoTabs()
    const keyStore = { load: async () => ({ status: 'missing' as const }) }
    const two = await rig.started({ ...tabs.open().options(), keyStore })
    rig.timeMs += 1000
    await one.createOfflineTransaction(terms())
    await one.syncNow()
    await expect.poll(() => two.getTransactions()[0]?.receipted).toBe(true)
    expect(two.state).toMatchObject({ status: 'blocked', error: { code: 'key_missing' } })
  })
})

it('a payment on disk is taken, although the channel to the other tabs is broken', async () => {
  const rig = await Rig.create()
  const options = new Tabs(rig).open().options()
  const post = () => {
    throw new Error('InvalidStateError')
  }
  const sdk = await rig.started({ ...options, channel: { ...options.channel, post } as Channel })
  expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ counter: 1, taken: 'offline' })
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
})

it('the storage is cleared under a tab: it takes nothing more until it has reached the edge, and no counter twice', async () => {
  const { rig, one, two } = await twoTabs()
  for (const sdk of [one, two]) await sdk.createOfflineTransaction(terms())
  await one.syncNow()
  rig.storage.items.clear()
  await expect(two.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'not_ready', money: 'not_taken' })
  expect(two.state.status).toBe('needs_network')
  expect(await two.syncNow()).toMatchObject({ status: 'done' })
  // Nobody remembers what the storage had given out besides, perhaps to a carrier: that is left out.
  const { counter } = await one.createOfflineTransaction(terms())
  expect(counter).toBeGreaterThan(3)
  expect(await one.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(rig.edge.counters).toEqual([1, 2, counter])
  expect([one.state.damaged, two.state.damaged]).toEqual([[], []])
  expect(rig.edge.contradictions).toEqual([])
})

describe('a tab that ends', () => {
  it('at any storage call of a payment, a void or a sync: the other goes on, with nothing lost and nothing told twice', async () => {
    for (let k = 1, ended = true; ended; k++) {
      const { rig, left, one, two } = await twoTabs()
      const first = await two.createOfflineTransaction(terms({ amount: 1 }))
      left.endAfter(k)
      const told: number[] = []
      const day = async () => {
        told.push((await one.createOfflineTransaction(terms({ amount: 2 }))).counter)
        await one.createOfflineTransaction(terms({ amount: 3 })).then(({ counter }) => one.voidTransaction(counter))
        await one.syncNow()
        told.push((await one.createOfflineTransaction(terms({ amount: 4 }))).counter)
        await one.syncNow()
      }
      await day().catch(() => undefined)
      ended = left.dead
      left.end()
      const last = await two.createOfflineTransaction(terms({ amount: 5 }))
      expect(await two.syncNow(), `at call ${k}`).toMatchObject({ status: 'done', unsynced: 0 })
      expect(rig.edge.contradictions, `at call ${k}`).toEqual([])
      expect(two.state.damaged, `at call ${k}`).toEqual([])
      const { counters } = rig.edge
      expect(counters, `at call ${k}`).toEqual([...new Set(counters)])
      for (const counter of [first.counter, ...told, last.counter]) expect(counters, `at call ${k}`).toContain(counter)
      // Both hold the same of every counter: no void on one side and payment on the other.
      for (const payment of two.getTransactions()) {
        const [entry] = rig.edge.entriesOf(payment.counter)
        expect('voided' in (entry ?? {}), `at call ${k}`).toBe(payment.status === 'voided')
      }
    }
  })
})

it('a payment that was not taken in one tab, and whose record the store kept, is not sent by the other', async () => {
  const rig = await Rig.create()
  const tabs = new Tabs(rig)
  let broken = false
  const failing = tabs.open().options()
  const storage = failing.storage
  const one = await rig.started({
    ...failing,
    storage: {
      getItem: (key) => storage?.getItem(key),
      setItem: async (key, value) => {
        await storage?.setItem(key, value)
        if (broken) throw new Error('disk error')
      },
      removeItem: (key) => {
        if (broken) throw new Error('disk error')
        return storage?.removeItem(key)
      },
    },
  })
  const two = await rig.started(tabs.open().options())
  broken = true
  await expect(one.createOfflineTransaction(terms({ amount: 1 }))).rejects.toMatchObject({ money: 'not_taken' })
  // The other tab reads the record before it can be undone.
  await expect.poll(() => two.getTransactions().length).toBe(1)
  await expect(one.createOfflineTransaction(terms({ amount: 2 }))).rejects.toMatchObject({ money: 'not_taken' })
  broken = false
  expect(await one.createOfflineTransaction(terms({ amount: 3 }))).toMatchObject({ counter: 1 })
  expect(await two.syncNow()).toMatchObject({ status: 'done' })
  expect(rig.edge.entriesOf(1)).toMatchObject([{ amount: 3 }])
  expect(rig.edge.counters).toEqual([1])
})

it('the locks are named after the device, and the short one is never held over a request', async () => {
  const { rig, tabs, one } = await twoTabs()
  tabs.locks.length = 0
  await one.createOfflineTransaction(terms())
  expect(tabs.locks).toContain(`molam/${DEVICE}/journal`)
  expect(tabs.locks).not.toContain(`molam/${DEVICE}/sync`)
  await one.syncNow()
  expect(new Set(tabs.locks)).toEqual(new Set([`molam/${DEVICE}/journal`, `molam/${DEVICE}/sync`]))
  expect(rig.edge.counters).toEqual([1])
})

it('destroy closes the channel: a page that opens a device again and again does not collect them', async () => {
  const { left, right, one } = await twoTabs()
  expect(left.channel).toBe('open')
  await one.destroy()
  expect([left.channel, right.channel]).toEqual(['closed', 'open'])
})

it('a channel without a lock is refused', async () => {
  const rig = await Rig.create()
  const { channel } = new Tabs(rig).open().options()
  if (channel === undefined) throw new Error('no channel')
  const { storage } = rig
  expect(() => new OfflineSDK({ apiUrl: API, deviceId: DEVICE, storage, atRest: 'none', channel })).toThrow(TypeError)
})
