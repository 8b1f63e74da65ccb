import { describe, expect, it } from 'vitest'
import { expectPromisesKept, settle, Told } from '../promises.ts'
import { FAULTS, Rig, terms } from '../rig.ts'

const DAY_MS = 86_400_000

/** Three payments, the second without an outcome yet. */
async function threeDaysOld(): Promise<Rig> {
  const rig = await Rig.create()
  const sdk = await rig.started()
  for (let i = 0; i < 3; i++) {
    await sdk.createOfflineTransaction(terms())
    await sdk.syncNow()
  }
  rig.edge.settle(1, 'succeeded')
  rig.edge.settle(3, 'succeeded')
  await sdk.syncNow()
  rig.timeMs += 3 * DAY_MS
  return rig
}

const keysOf = (rig: Rig) => [...rig.storage.items.keys()].map((key) => key.replace('molam/POS-001/', ''))

it('removes what is long done, up to the first payment that is not', async () => {
  const rig = await threeDaysOld()
  const sdk = await rig.started({ historyDays: 2 })
  await sdk.syncNow()
  expect(sdk.getTransactions().map(({ counter }) => counter)).toEqual([2, 3])
  expect(keysOf(rig)).not.toContain('payment/1')
  expect(keysOf(rig)).not.toContain('admission/1')
  rig.edge.settle(2, 'failed', 'insufficient_funds')
  await sdk.syncNow()
  expect(sdk.getTransactions()).toEqual([])
  expect(keysOf(rig).sort()).toEqual(['admission/3', 'outgoing/0', 'outgoing/1', 'state/0', 'state/1'])
  const restarted = await rig.started()
  expect(restarted.state.damaged).toEqual([])
  expect(await restarted.createOfflineTransaction(terms())).toMatchObject({ counter: 4 })
})

it('keeps everything younger than the history, and everything unacknowledged for ever', async () => {
  const rig = await threeDaysOld()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  rig.edge.faults = ['offline']
  await sdk.syncNow()
  rig.timeMs += 1000 * DAY_MS
  const later = await rig.started({ historyDays: 2 })
  rig.edge.faults = [{ problem: 'invalid_payload' }]
  expect(await later.syncNow()).toMatchObject({ status: 'stopped' })
  expect(keysOf(rig)).toContain('payment/4')
  expect(keysOf(rig)).toContain('payment/2')
})

it('keeps a voided payment until its counter is accounted for', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started({ historyDays: 2 })
  await sdk.createOfflineTransaction(terms())
  await sdk.voidTransaction(1)
  rig.timeMs += 3 * DAY_MS
  rig.edge.faults = [{ problem: 'invalid_payload' }]
  await sdk.syncNow()
  expect(keysOf(rig)).toContain('void/1')
  rig.timeMs += 3 * DAY_MS
  await sdk.syncNow()
  expect(rig.edge.entriesOf(1)).toEqual([{ counter: 1, voided: true }])
  expect(keysOf(rig)).not.toContain('void/1')
})

describe.each(FAULTS)('the storage %s, at any one call of the removal', (fault) => {
  it('nothing is lost, and nothing looks lost', async () => {
    for (let k = 1, happened = true; happened; k++) {
      const rig = await threeDaysOld()
      rig.edge.settle(2, 'succeeded')
      const sdk = await rig.started({ historyDays: 2 })
      rig.storage.arm(k, fault)
      await sdk.syncNow().catch(() => undefined)
      happened = rig.storage.revive()
      const settled = await settle(rig)
      expect(settled.state.damaged, `at storage call ${k}`).toEqual([])
      expectPromisesKept(rig, settled, new Told(), false)
      const pruned = await rig.started({ historyDays: 2 })
      await pruned.syncNow()
      expect(keysOf(rig).sort(), `at storage call ${k}`).toEqual([
        'admission/3',
        'outgoing/0',
        'outgoing/1',
        'state/0',
        'state/1',
      ])
    }
  })
})
