import { describe, expect, it } from 'vitest'
import { type OfflineSDK, openExport, type Restored, type Storage } from '../../../../src/device/sdk/index.ts'
import { parseBundle } from '../../../../src/protocol/bundle.ts'
import { toBase64url } from '../../../../src/protocol/bytes.ts'
import { isPayment } from '../../../../src/protocol/payment.ts'
import { random } from '../edge.ts'
import { FAULTS, Rig, terms } from '../rig.ts'

const KEY = random(32)

/** With a list of its items, and so with few calls. */
const listing = (rig: Rig): Storage => ({
  getItem: (key) => rig.storage.getItem(key),
  setItem: (key, value) => rig.storage.setItem(key, value),
  removeItem: (key) => rig.storage.removeItem(key),
  keys: () => [...rig.storage.items.keys()],
})

/** One payment with its receipt, one in a bundle that was sent, one voided, one that waits; the file, and the storage cleared. */
async function left(sent: 'lost' | 'offline' = 'offline') {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms({ amount: 1 }))
  await sdk.syncNow()
  const older = new Map(rig.storage.items)
  await sdk.createOfflineTransaction(terms({ amount: 2, meta: { till: 7 } }))
  rig.edge.faults = [sent]
  await sdk.syncNow()
  for (const amount of [3, 4]) await sdk.createOfflineTransaction(terms({ amount }))
  await sdk.voidTransaction(3)
  const file = await sdk.exportUnsynced(KEY)
  await sdk.destroy()
  rig.storage.items.clear()
  return { rig, file, older }
}

const restored = async (sdk: OfflineSDK, file: Uint8Array, renumber: readonly string[] = []): Promise<Restored> => {
  const result = await sdk.restoreUnsynced(file, KEY, { renumber })
  if (result.status !== 'restored') throw new Error(result.status)
  return result
}

const ids = (...counters: number[]) => counters.map((counter) => `POS-001/${counter}`)

/** What the edge holds: each counter once, with what the customer was told. */
function expectOnce(rig: Rig, amounts: Readonly<Record<number, number | 'void'>>) {
  expect(rig.edge.contradictions).toEqual([])
  const arrived = rig.edge.bundles.flatMap(({ entries }) => entries)
  expect(arrived.map(({ counter }) => counter).sort((a, b) => a - b)).toEqual(Object.keys(amounts).map(Number))
  for (const entry of arrived) expect(isPayment(entry) ? entry.amount : 'void').toBe(amounts[entry.counter])
}

describe('a device that was enrolled again takes over what it had not sent', () => {
  it('under the same numbers, each once, and goes on after them', async () => {
    const { rig, file } = await left()
    const sdk = rig.sdk()
    expect(await restored(sdk, file)).toEqual({
      status: 'restored',
      restored: ids(2, 3, 4),
      received: [],
      numberUsed: [],
      renumbered: [],
      damaged: [],
    })
    expect(sdk.state).toMatchObject({ status: 'offline_ready', unsynced: 3, damaged: [] })
    expect(sdk.getTransactions().map(({ amount, status }) => [amount, status])).toEqual([
      [2, 'pending_offline'],
      [3, 'voided'],
      [4, 'pending_offline'],
    ])
    expect(await sdk.createOfflineTransaction(terms({ amount: 5 }))).toMatchObject({ counter: 5 })
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expectOnce(rig, { 1: 1, 2: 2, 3: 'void', 4: 4, 5: 5 })
    rig.edge.settleAll()
    await sdk.syncNow()
    const later = await rig.started()
    expect(later.getTransactions().map(({ status }) => status)).toEqual([
      'succeeded',
      'voided',
      'succeeded',
      'succeeded',
    ])
  })

  it('and sends the very bytes again that may be on their way', async () => {
    const { rig, file } = await left()
    const { outgoing } = (await openExport(file, KEY)) ?? {}
    const before = rig.edge.requests.length
    const sdk = rig.sdk()
    await restored(sdk, file)
    await sdk.syncNow()
    const pushed = rig.edge.requests.slice(before).find(({ path }) => path === '/offline/push')
    expect(toBase64url(parseBundle(pushed?.body ?? new Uint8Array()).payload)).toBe(outgoing?.sealed)
  })

  it('but nothing that had arrived, which the edge’s chain proves', async () => {
    const { rig, file } = await left('lost')
    const sdk = rig.sdk()
    expect(await restored(sdk, file)).toMatchObject({ restored: ids(3, 4), received: ids(2), numberUsed: [] })
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expectOnce(rig, { 1: 1, 2: 2, 3: 'void', 4: 4 })
  })

  it('as often as it is asked to', async () => {
    const { rig, file } = await left()
    const sdk = rig.sdk()
    const first = await restored(sdk, file)
    expect(await restored(sdk, file)).toEqual(first)
    expect(await restored(await rig.started(), file)).toEqual(first)
    const syncing = await rig.started()
    await syncing.syncNow()
    expect(await restored(syncing, file)).toMatchObject({ restored: [], received: ids(2, 3, 4), numberUsed: [] })
    await syncing.syncNow()
    expectOnce(rig, { 1: 1, 2: 2, 3: 'void', 4: 4 })
  })

  it('also what was saved of a device whose state could not be read', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    for (const amount of [1, 2]) {
      await sdk.createOfflineTransaction(terms({ amount }))
      if (amount === 1) await sdk.syncNow()
    }
    for (const key of ['state/0', 'state/1', 'admission/1']) rig.put(key, 'm1.')
    rig.edge.weather = 'offline'
    const file = await (await rig.started()).exportUnsynced(KEY)
    rig.storage.items.clear()
    rig.edge.weather = undefined
    const anew = rig.sdk()
    // The receipt of the first is lost; its bundle is still there to be held against the chain.
    expect(await restored(anew, file)).toMatchObject({ restored: ids(2), received: ids(1), numberUsed: [] })
    await anew.syncNow()
    expectOnce(rig, { 1: 1, 2: 2 })
  })

  it('and never with a number that a damaged record has used', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    rig.edge.weather = 'offline'
    for (const amount of [1, 2]) await sdk.createOfflineTransaction(terms({ amount }))
    rig.put('payment/2', 'm1.')
    const file = await (await rig.started()).exportUnsynced(KEY)
    rig.storage.items.clear()
    rig.edge.weather = undefined
    const anew = rig.sdk()
    expect(await restored(anew, file)).toMatchObject({ restored: ids(1), damaged: [{ counter: 2, raw: 'm1.' }] })
    expect(anew.state.damaged).toMatchObject([{ counter: 2, kind: 'absent' }])
    expect((await anew.createOfflineTransaction(terms())).counter).toBeGreaterThan(2)
  })
})

describe('nothing changes', () => {
  it('without a network', async () => {
    const { rig, file } = await left()
    rig.edge.weather = 'offline'
    const sdk = rig.sdk()
    await expect(restored(sdk, file)).rejects.toMatchObject({ code: 'network_failed' })
    expect(rig.storage.items.size).toBe(0)
    rig.edge.weather = undefined
    expect(await restored(sdk, file)).toMatchObject({ restored: ids(2, 3, 4) })
  })

  it('by the file of another device, with another secret, or that is none', async () => {
    const { rig, file } = await left()
    const other = rig.sdk({ deviceId: 'POS-002' })
    expect(await other.restoreUnsynced(file, KEY)).toEqual({ status: 'other_device', deviceId: 'POS-001' })
    expect(await rig.sdk().restoreUnsynced(file, random(32))).toEqual({ status: 'unreadable' })
    expect(await rig.sdk().restoreUnsynced(file.slice(1), KEY)).toEqual({ status: 'unreadable' })
    expect(rig.storage.items.size).toBe(0)
  })
})

describe('numbers that were used meanwhile', () => {
  /** Its storage was set back, and it took two payments before the file was brought; the first is at the edge. */
  async function tooLate() {
    const { rig, file, older } = await left()
    for (const [key, value] of older) rig.storage.items.set(key, value)
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms({ amount: 20 }))
    await sdk.syncNow()
    await sdk.createOfflineTransaction(terms({ amount: 30 }))
    return { rig, file, sdk }
  }

  it('are listed and not sent, until a person wants the payments under new ones: then each is taken once', async () => {
    const { rig, file, sdk } = await tooLate()
    const report = await restored(sdk, file)
    expect(report).toMatchObject({ restored: ids(4), renumbered: [] })
    expect(report.numberUsed).toMatchObject([{ amount: 2 }, { amount: 3, voided: true }])
    await sdk.syncNow()
    expectOnce(rig, { 1: 1, 2: 20, 3: 30, 4: 4 })

    const moved = [['POS-001/2', 'POS-001/5']]
    for (let i = 0; i < 2; i++) expect((await restored(sdk, file, ids(2, 3))).renumbered).toEqual(moved)
    await sdk.syncNow()
    // Also by another process, and when it is settled and removed long ago.
    const later = await rig.started({ historyDays: 2 })
    expect((await restored(later, file, ids(2))).renumbered).toEqual(moved)
    rig.edge.settleAll()
    rig.timeMs += 3 * 86_400_000
    await later.syncNow()
    expect(later.getTransactions()).toEqual([])
    expect((await restored(later, file, ids(2))).renumbered).toEqual(moved)
    await later.syncNow()
    expectOnce(rig, { 1: 1, 2: 20, 3: 30, 4: 4, 5: 2 })
    expect(rig.edge.entriesOf(5)).toMatchObject([{ amount: 2, meta: { till: 7 } }])
  })

  it.each(FAULTS)('taken once under a new one, though the storage %s at any one call', async (fault) => {
    for (let k = 1, happened = true; happened; k++) {
      const { rig, file, sdk } = await tooLate()
      rig.storage.arm(k, fault)
      await restored(sdk, file, ids(2, 4)).catch(() => undefined)
      happened = rig.storage.revive()
      const later = await rig.started()
      await later.createOfflineTransaction(terms({ amount: 50 }))
      // Cut off before the first write, this payment has number 4.
      await restored(later, file, ids(2, 4))
      for (const { counter } of later.state.damaged) {
        // A person sees that number 2 has no whole record under its new number.
        await later.voidTransaction(counter)
        await restored(later, file, ids(2))
      }
      await later.syncNow()
      const arrived = rig.edge.bundles.flatMap(({ entries }) =>
        entries.flatMap((entry) => (isPayment(entry) ? [entry.amount] : [])),
      )
      expect(rig.edge.contradictions, `at storage call ${k}`).toEqual([])
      expect(
        arrived.sort((a, b) => a - b),
        `at storage call ${k}`,
      ).toEqual([1, 2, 4, 20, 30, 50])
    }
  })
})

const CUTS = [...FAULTS.map((fault) => [fault, 'offline'] as const), ['dies torn', 'lost'] as const]

it.each(CUTS)(
  'the storage %s at any one call of the restoring, the bundle in flight %s: each payment once',
  async (fault, sent) => {
    for (let k = 1, happened = true; happened; k++) {
      const { rig, file } = await left(sent)
      rig.storage.arm(k, fault)
      await restored(rig.sdk({ storage: listing(rig) }), file).catch(() => undefined)
      happened = rig.storage.revive()
      const sdk = await rig.started()
      const taken = await sdk.createOfflineTransaction(terms({ amount: 50 }))
      // Cut off before the first write, this payment has one of their numbers: the other is listed, and not sent.
      const { numberUsed } = await restored(sdk, file)
      const listed = taken.counter < 5 ? [taken.localId] : []
      expect(
        numberUsed.map(({ localId }) => localId),
        `at storage call ${k}`,
      ).toEqual(listed)
      expect(await sdk.syncNow(), `at storage call ${k}`).toMatchObject({ status: 'done' })
      expectOnce(rig, { 1: 1, 2: 2, 3: 'void', 4: 4, [taken.counter]: 50 })
    }
  },
)
