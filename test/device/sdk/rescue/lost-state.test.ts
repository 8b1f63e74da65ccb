import { describe, expect, it } from 'vitest'
import type { Storage } from '../../../../src/device/sdk/index.ts'
import { decodePushResponse } from '../../../../src/protocol/notice.ts'
import { API, POLICY } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const DAY_MS = 86_400_000

/** A day's work under a limit of 5 000: three payments with receipts and one without, 4 500 in all. */
async function day() {
  const rig = await Rig.create()
  rig.edge.policy = { ...POLICY, maxOfflineValuePerDevicePerDay: 5_000, maxOfflinePerDevicePerDay: 6 }
  const sdk = await rig.started()
  for (const amount of [2_000, 1_000, 1_000]) {
    await sdk.createOfflineTransaction(terms({ amount }))
    await sdk.syncNow()
  }
  rig.edge.faults = ['offline']
  await sdk.createOfflineTransaction(terms({ amount: 500 }))
  await sdk.syncNow()
  expect(sdk.getLimits()).toMatchObject({ remaining: 500, count: { used: 4 } })
  return rig
}

const loseState = (rig: Rig) => {
  for (const key of ['state/0', 'state/1']) rig.put(key, 'm1.')
}

const listing = (rig: Rig): Storage => ({
  getItem: (key) => rig.storage.getItem(key),
  setItem: (key, value) => rig.storage.setItem(key, value),
  removeItem: (key) => rig.storage.removeItem(key),
  keys: () => [...rig.storage.items.keys()],
})

describe('the day’s limits go on', () => {
  it.each([
    ['a store that lists its items', listing],
    ['a store that does not', (rig: Rig): Storage => rig.storage],
  ])('when the state is lost in %s: the payments on disk are found again, with their receipts', async (_, storeOf) => {
    const rig = await day()
    loseState(rig)
    const sdk = rig.sdk({ storage: storeOf(rig) })
    await sdk.initialize()
    expect(sdk.getLimits()).toMatchObject({ remaining: 500, count: { used: 4 } })
    expect(sdk.getTransactions().map(({ amount, receipted }) => [amount, receipted])).toEqual([
      [2_000, true],
      [1_000, true],
      [1_000, true],
      [500, true],
    ])
    expect(rig.edge.counters).toEqual([1, 2, 3, 4])
    expect(rig.edge.contradictions).toEqual([])
    expect(sdk.state.damaged).toEqual([])
  })

  it('when the storage is emptied: the edge says what it has counted', async () => {
    const rig = await day()
    rig.storage.items.clear()
    const sdk = await rig.started()
    expect(sdk.getLimits()).toMatchObject({ remaining: 1_000, count: { used: 3 } })
    await sdk.createOfflineTransaction(terms({ amount: 1_000 }))
    await expect(sdk.createOfflineTransaction(terms({ amount: 1 }))).rejects.toMatchObject({ reason: 'limit_exceeded' })
    await sdk.syncNow()
    expect((await rig.started()).getLimits()).toMatchObject({ remaining: 0, count: { used: 4 } })
    rig.timeMs += DAY_MS
    expect((await rig.started()).getLimits()).toMatchObject({ remaining: 5_000, count: { used: 0 } })
  })

  it('when a part of the payments is lost with the state', async () => {
    const rig = await day()
    loseState(rig)
    for (const key of ['payment/1', 'admission/1']) rig.storage.items.delete(`molam/POS-001/${key}`)
    const sdk = await rig.started()
    expect(sdk.getLimits()).toMatchObject({ remaining: 500, count: { used: 4 } })
  })
})

it('records from before the state was lost are removed in their time', async () => {
  const rig = await day()
  rig.edge.faults = []
  loseState(rig)
  const sdk = await rig.started({ historyDays: 2 })
  rig.edge.settleAll()
  rig.timeMs += 3 * DAY_MS
  await sdk.syncNow()
  expect(sdk.getTransactions()).toEqual([])
  expect([...rig.storage.items.keys()].filter((key) => /payment|outcome|void/.test(key))).toEqual([])
})

it('what became of payments while there was no state is told, from the first outcome on', async () => {
  const rig = await day()
  rig.edge.faults = []
  rig.edge.settle(1, 'succeeded')
  rig.edge.settle(2, 'failed', 'insufficient_funds')
  loseState(rig)
  const sdk = await rig.started()
  await sdk.syncNow()
  expect(sdk.getTransaction('POS-001/1')).toMatchObject({ status: 'succeeded' })
  expect(sdk.getTransaction('POS-001/2')).toMatchObject({ status: 'failed', reason: 'insufficient_funds' })
})

describe('a bundle that was given to a carrier when the state was lost', () => {
  /** Two payments with receipts, two with a carrier, the storage emptied. @returns what the carrier pushes */
  async function carried() {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms({ amount: 1 }))
    await sdk.syncNow()
    for (const amount of [2, 3]) await sdk.createOfflineTransaction(terms({ amount }))
    const relay = await sdk.sealForRelay()
    if (relay === undefined) throw new Error('nothing waits')
    rig.storage.items.clear()
    const push = () =>
      rig.edge.fetch(`${API}/offline/push`, { method: 'POST', headers: {}, body: relay.bytes } as never)
    return { rig, arrives: push }
  }

  async function goOn(rig: Rig, amounts: readonly number[]) {
    const sdk = await rig.started()
    for (const amount of amounts) {
      await sdk.createOfflineTransaction(terms({ amount }))
      expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    }
    return sdk
  }

  const expectOneStory = (rig: Rig, amounts: readonly number[]) => {
    expect(rig.edge.contradictions).toEqual([])
    expect(rig.edge.status).toBe('active')
    const { counters } = rig.edge
    expect(new Set(counters).size).toBe(counters.length)
    const arrived = counters.flatMap((counter) => rig.edge.entriesOf(counter))
    expect(arrived.map((entry) => ('amount' in entry ? entry.amount : 0)).sort((a, b) => a - b)).toEqual(amounts)
  }

  it('comes after the device has gone on: it lands, and no number means two payments', async () => {
    const { rig, arrives } = await carried()
    const sdk = await goOn(rig, [10, 11])
    expect((await arrives()).status).toBe(200)
    await sdk.createOfflineTransaction(terms({ amount: 12 }))
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    rig.edge.settleAll()
    await sdk.syncNow()
    expect(sdk.getTransactions().map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded'])
    expectOneStory(rig, [1, 2, 3, 10, 11, 12])
  })

  it('comes while the device’s next one waits: the chain is in no doubt', async () => {
    const { rig, arrives } = await carried()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms({ amount: 10 }))
    rig.edge.faults = ['offline']
    await sdk.syncNow()
    expect((await arrives()).status).toBe(200)
    // Asks the edge where it stands: the head is the carried bundle now.
    rig.edge.faults = [{ problem: 'undecryptable' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expectOneStory(rig, [1, 2, 3, 10])
  })

  it('comes before the device has sent anything, and its receipt is brought back: it is known', async () => {
    const { rig, arrives } = await carried()
    const sdk = await rig.started()
    const answer = decodePushResponse(new Uint8Array(await (await arrives()).arrayBuffer()))
    expect(await sdk.acceptRelayedReceipt(answer.receipt)).toEqual([])
    await sdk.createOfflineTransaction(terms({ amount: 10 }))
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expectOneStory(rig, [1, 2, 3, 10])
  })
})
