import { expect, it } from 'vitest'
import { DEVICE } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

/** A device that was away, with this many payments, while the edge's receipt key changed. */
async function away(payments: number, ...changes: ((rig: Rig) => Promise<void>)[]) {
  const rig = await Rig.create()
  const sdk = await rig.started()
  for (let i = 0; i < payments; i++) await sdk.createOfflineTransaction(terms({ amount: 1 + i }))
  const before = rig.edge.keySet
  for (const change of changes) await change(rig)
  return { rig, sdk, before }
}
const retiring = (rig: Rig) => rig.edge.rotate('receipt', 'retiring')
const retired = async (rig: Rig) => rig.edge.retire('receipt')

it.each([1, 2])(
  'a receipt key that changed %i times while the device was away costs nothing: its notice brings the new one',
  async (times) => {
    const { rig, sdk } = await away(150, ...new Array<typeof retiring>(times).fill(retiring))
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 2, unsynced: 0 })
    expect(rig.edge.counters).toHaveLength(150)
    const { length } = rig.edge.requests
    expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
    expect(rig.edge.requests[length]?.headers['Molam-Keys-Version']).toBe(String(rig.edge.keySet.version))
  },
)

it('a device that knows only retired keys keeps its payments, and goes on with an app that brings newer ones', async () => {
  const { rig, sdk, before } = await away(3, retiring, retired)
  expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 3, error: { code: 'answer_invalid' } })
  const outdated = await rig.started({ keys: before })
  expect(await outdated.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 3 })
  const updated = await rig.started({ keys: rig.edge.keySet })
  expect(await updated.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(rig.edge.counters).toEqual([1, 2, 3])
  expect(rig.edge.contradictions).toEqual([])
  // They are the device's own from then on.
  const later = await rig.started()
  await later.createOfflineTransaction(terms())
  expect(await later.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
})

it('keys that come with the app and are older than the device’s change nothing', async () => {
  const { rig, sdk, before } = await away(0, retiring)
  await sdk.syncNow()
  await retired(rig)
  await sdk.syncNow()
  const old = await rig.started({ keys: before })
  await old.createOfflineTransaction(terms())
  expect(await old.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
})

it('a new device whose app came with the keys of before learns the present ones from its first notice', async () => {
  const { rig, before } = await away(0, retiring)
  rig.storage.items.clear()
  const sdk = await rig.started({ keys: before })
  expect(sdk.state.status).toBe('ready')
  await sdk.createOfflineTransaction(terms())
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(sdk.getTransaction(`${DEVICE}/1`)?.receipted).toBe(true)
})
