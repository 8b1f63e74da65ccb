import { describe, expect, it } from 'vitest'
import { openExport } from '../../../../src/device/sdk/index.ts'
import { random } from '../edge.ts'
import { FAULTS, Rig, terms } from '../rig.ts'

const DAY_MS = 86_400_000
const KEY = random(32)
const key = (name: string) => `molam/POS-001/${name}`

/** Five payments of three days ago, one of whose records was damaged or lost before it was sent, or after. */
async function withOneBad(when: 'unsent' | 'receipted', change: (rig: Rig) => void) {
  const rig = await Rig.create()
  const sdk = await rig.started()
  rig.edge.weather = when === 'unsent' ? 'offline' : undefined
  for (let amount = 1; amount <= 5; amount++) await sdk.createOfflineTransaction(terms({ amount }))
  await sdk.syncNow()
  for (const slot of when === 'unsent' ? ['outgoing/0', 'outgoing/1'] : []) rig.storage.items.delete(key(slot))
  rig.edge.weather = undefined
  change(rig)
  const restarted = await rig.started({ historyDays: 2 })
  await restarted.syncNow()
  rig.edge.settleAll()
  rig.timeMs += 3 * DAY_MS
  await restarted.syncNow()
  return { rig, sdk: restarted }
}

const counters = (rig: Rig) =>
  [...rig.storage.items.keys()].flatMap((name) => /payment\/(\d+)$/.exec(name)?.[1] ?? []).map(Number)

describe('retention goes past', () => {
  it('a counter whose record is lost', async () => {
    const { rig, sdk } = await withOneBad('unsent', (rig) => void rig.storage.items.delete(key('payment/2')))
    expect(counters(rig)).toEqual([])
    expect(sdk.state.damaged).toEqual([])
  })

  it('a damaged record whose payment the edge has acknowledged', async () => {
    const { rig, sdk } = await withOneBad('receipted', (rig) => rig.put('payment/2', 'm1.'))
    expect(counters(rig)).toEqual([])
    expect(sdk.state).toMatchObject({ damaged: [], unsynced: 0 })
  })

  it('a damaged record that a person has dismissed: it is shown no more, kept as it stands, and never sent', async () => {
    const { rig, sdk } = await withOneBad('unsent', (rig) => rig.put('payment/2', 'm1.'))
    expect(counters(rig)).toEqual([2, 3, 4, 5])
    expect(sdk.state).toMatchObject({ damaged: [{ counter: 2 }], unsynced: 1 })
    await sdk.dismissDamaged(2)
    expect(sdk.state).toMatchObject({ damaged: [], unsynced: 0 })
    const later = await rig.started({ historyDays: 2 })
    expect(later.state).toMatchObject({ damaged: [], unsynced: 0 })
    const saved = await openExport(await later.exportUnsynced(KEY), KEY)
    expect(saved?.damaged).toMatchObject([{ counter: 2, raw: 'm1.', dismissed: true }])
    await later.syncNow()
    expect(counters(rig)).toEqual([2])
    expect(rig.stored('payment/2')).toBe('m1.')
    expect(rig.edge.entriesOf(2)).toEqual([])
    expect(await later.createOfflineTransaction(terms())).toMatchObject({ counter: 6 })
  })
})

it('nothing is removed behind a damaged record that nobody has looked at', async () => {
  const { rig, sdk } = await withOneBad('unsent', (rig) => rig.put('payment/2', 'm1.'))
  rig.timeMs += 40 * DAY_MS
  await sdk.syncNow()
  expect(counters(rig)).toEqual([2, 3, 4, 5])
})

it('only a record that is there and cannot be read is dismissed', async () => {
  const { sdk } = await withOneBad('unsent', (rig) => void rig.storage.items.delete(key('payment/2')))
  const taken = await sdk.createOfflineTransaction(terms())
  for (const counter of [2, taken.counter, 99]) {
    await expect(sdk.dismissDamaged(counter)).rejects.toMatchObject({ code: 'no_such_payment' })
  }
  expect(sdk.state.unsynced).toBe(1)
})

it.each(FAULTS)('the storage %s at any one call of a removal past a dismissed record: it is kept', async (fault) => {
  for (let k = 1, happened = true; happened; k++) {
    const { rig, sdk } = await withOneBad('unsent', (rig) => rig.put('payment/2', 'm1.'))
    await sdk.dismissDamaged(2)
    rig.storage.arm(k, fault)
    await sdk.syncNow().catch(() => undefined)
    happened = rig.storage.revive()
    const later = await rig.started({ historyDays: 2 })
    await later.syncNow()
    expect(counters(rig), `at storage call ${k}`).toEqual([2])
    expect(rig.stored('payment/2')).toBe('m1.')
    expect(later.state).toMatchObject({ damaged: [], unsynced: 0 })
  }
})
