import { expect, it } from 'vitest'
import { FAULTS, Rig, terms } from '../rig.ts'

/** Four payments, the third voided, each in its own bundle and acknowledged; the edge then loses some of the bundles. */
async function withLoss(...lost: number[]) {
  const rig = await Rig.create()
  const sdk = await rig.started()
  for (let amount = 1; amount <= 4; amount++) {
    await sdk.createOfflineTransaction(terms({ amount }))
    if (amount === 3) await sdk.voidTransaction(3)
    await sdk.syncNow()
  }
  rig.edge.forget(...lost)
  return rig
}

it('an edge that lost bundles it has acknowledged gets their payments again, under their own numbers, voids as voids', async () => {
  const rig = await withLoss(2, 3)
  const sdk = await rig.started()
  // The notice tells of the holes; one bundle fills them.
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0, bundles: 1 })
  expect(rig.edge.entriesOf(2)).toMatchObject([{ amount: 2 }])
  expect(rig.edge.entriesOf(3)).toEqual([{ counter: 3, voided: true }])
  expect(rig.edge.bundles.map(({ seq }) => seq)).toEqual([1, 4, 5])
  expect(rig.edge.contradictions).toEqual([])
  rig.edge.settleAll()
  await sdk.syncNow()
  expect(sdk.getTransactions().map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'voided', 'succeeded'])
  const before = rig.edge.bundles.length
  await sdk.syncNow()
  expect(rig.edge.bundles.length).toBe(before)
})

it('counters apart go in bundles of their own', async () => {
  const rig = await withLoss(1, 3)
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms({ amount: 5 }))
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0, bundles: 3 })
  expect(rig.edge.bundles.map(({ entries }) => entries.map(({ counter }) => counter))).toEqual([
    [2],
    [4],
    [5],
    [1],
    [3],
  ])
})

it('what is to be sent again is counted as unsynced, not voided, and survives a restart', async () => {
  const rig = await withLoss(2)
  rig.edge.faults = [undefined, 'offline']
  await (await rig.started()).syncNow()
  const sdk = await rig.started()
  expect(sdk.state).toMatchObject({ unsynced: 1 })
  expect(await sdk.destroy()).toMatchObject({ warning: 'unsynced_payments' })
  const again = await rig.started()
  await expect(again.voidTransaction(2)).rejects.toMatchObject({ code: 'already_bundled', money: 'receipted' })
  expect(await again.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(rig.edge.entriesOf(2)).toMatchObject([{ amount: 2 }])
})

it('a payment that the ledger has settled is not sent again', async () => {
  const rig = await withLoss()
  rig.edge.settle(2, 'succeeded')
  await (await rig.started()).syncNow()
  rig.edge.forget(2)
  const sdk = await rig.started()
  await sdk.syncNow()
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(rig.edge.entriesOf(2)).toEqual([])
})

it('an edge that calls for the same counters whatever it is sent does not make the device send without end', async () => {
  const rig = await withLoss(2)
  rig.edge.missing = [2, 3]
  const sdk = await rig.started()
  for (let i = 0; i < 3; i++) expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1 })
  expect(rig.edge.contradictions).toEqual([])
})

it.each(FAULTS)(
  'the storage %s at any one call of a sync that fills holes: each payment is there at last, once',
  async (fault) => {
    for (let k = 1, happened = true; happened; k++) {
      const rig = await withLoss(2, 3)
      const sdk = await rig.started()
      rig.storage.arm(k, fault)
      for (let i = 0; i < 2; i++) await sdk.syncNow().catch(() => undefined)
      happened = rig.storage.revive()
      const later = await rig.started()
      for (let i = 0; i < 2; i++) await later.syncNow()
      expect(await later.syncNow(), `at storage call ${k}`).toMatchObject({ status: 'done', unsynced: 0 })
      expect(rig.edge.contradictions, `at storage call ${k}`).toEqual([])
      const arrived = [...rig.edge.counters].sort()
      expect(arrived, `at storage call ${k}`).toEqual([1, 2, 3, 4])
    }
  },
)
