import { describe, expect, it } from 'vitest'
import type { Storage } from '../../../../src/device/sdk/index.ts'
import { POLICY } from '../edge.ts'
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
  expect(sdk.getAllowance()).toMatchObject({ remaining: 500, count: { used: 4 } })
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
    expect(sdk.getAllowance()).toMatchObject({ remaining: 500, count: { used: 4 } })
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
    expect(sdk.getAllowance()).toMatchObject({ remaining: 1_000, count: { used: 3 } })
    await sdk.createOfflineTransaction(terms({ amount: 1_000 }))
    await expect(sdk.createOfflineTransaction(terms({ amount: 1 }))).rejects.toMatchObject({ reason: 'limit_exceeded' })
    await sdk.syncNow()
    expect((await rig.started()).getAllowance()).toMatchObject({ remaining: 0, count: { used: 4 } })
    rig.timeMs += DAY_MS
    expect((await rig.started()).getAllowance()).toMatchObject({ remaining: 5_000, count: { used: 0 } })
  })

  it('when a part of the payments is lost with the state', async () => {
    const rig = await day()
    loseState(rig)
    for (const key of ['payment/1', 'admission/1']) rig.storage.items.delete(`molam/POS-001/${key}`)
    const sdk = await rig.started()
    expect(sdk.getAllowance()).toMatchObject({ remaining: 500, count: { used: 4 } })
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
