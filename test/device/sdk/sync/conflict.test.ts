import { describe, expect, it } from 'vitest'
import type { Fetch } from '../../../../src/device/sdk/index.ts'
import type { HttpResponse } from '../../../../src/device/sdk/sync/transport.ts'
import { isPayment } from '../../../../src/protocol/payment.ts'
import { random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const KEY = random(32)
const BLOCKED = {
  status: 'blocked',
  error: { code: 'chain_conflict', money: 'kept_on_device', next: 'contact_support' },
}

/** A store set back to its first bundle: the edge has a second one of which it knows nothing, and 3 is taken on it. */
async function setBack() {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms({ amount: 1 }))
  await sdk.syncNow()
  const backup = new Map(rig.storage.items)
  await sdk.createOfflineTransaction(terms({ amount: 2 }))
  await sdk.syncNow()
  rig.storage.items.clear()
  for (const [key, text] of backup) rig.storage.items.set(key, text)
  return rig
}

const pushes = (rig: Rig) => rig.edge.requests.filter(({ path }) => path === '/offline/push').length

/** The edge holds one payment 2, the device another one; it was suspended for that, and somebody has let it in again. */
async function forked() {
  const rig = await setBack()
  const sdk = await rig.started()
  expect(await sdk.createOfflineTransaction(terms({ amount: 30 }))).toMatchObject({ counter: 2 })
  expect(await sdk.syncNow()).toMatchObject({ status: 'stopped', error: { code: 'chain_fork' } })
  expect(rig.edge.status).toBe('suspended')
  rig.edge.status = 'active'
  rig.edge.contradictions = []
  return { rig, sdk }
}

describe('a store that was set back, reactivated', () => {
  it('asks where the edge stands before it sends the same again: nothing is told twice, and nobody is suspended', async () => {
    const { rig, sdk } = await forked()
    const before = pushes(rig)
    expect(await sdk.syncNow()).toMatchObject({ status: 'stopped', unsynced: 1, error: { code: 'chain_conflict' } })
    for (const later of [sdk, await rig.started()]) {
      await later.syncNow()
      expect(later.state).toMatchObject({ ...BLOCKED, parked: { code: 'chain_conflict' } })
      await expect(later.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'device_blocked' })
      await expect(later.sealForRelay()).rejects.toMatchObject({ code: 'chain_in_doubt' })
    }
    expect(pushes(rig)).toBe(before)
    expect(rig.edge.contradictions).toEqual([])
    expect(rig.edge.status).toBe('active')
  })

  it('has its payment taken over under a new number, when a person wants it', async () => {
    const { rig, sdk } = await forked()
    await sdk.syncNow()
    const file = await sdk.exportUnsynced(KEY)
    await expect(sdk.restoreUnsynced(file, KEY)).rejects.toMatchObject({ code: 'chain_conflict' })
    rig.storage.items.clear()
    const anew = rig.sdk()
    expect(await anew.restoreUnsynced(file, KEY)).toMatchObject({ restored: [], numberUsed: [{ amount: 30 }] })
    const renumber = ['POS-001/2']
    expect(await anew.restoreUnsynced(file, KEY, { renumber })).toMatchObject({
      renumbered: [['POS-001/2', 'POS-001/3']],
    })
    expect(await anew.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    const amounts = rig.edge.bundles.flatMap(({ entries }) => entries.map((entry) => isPayment(entry) && entry.amount))
    expect(amounts).toEqual([1, 2, 30])
    expect(rig.edge.contradictions).toEqual([])
  })

  it('hears on, and goes on by itself when the edge’s history is ours again', async () => {
    const { rig, sdk } = await forked()
    await sdk.syncNow()
    rig.edge.settle(1, 'succeeded')
    await sdk.syncNow()
    expect(sdk.getTransaction('POS-001/1')).toMatchObject({ status: 'succeeded' })
    rig.edge.forget(2)
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(sdk.state.status).toBe('ready')
    expect(rig.edge.entriesOf(2)).toMatchObject([{ amount: 30 }])
  })
})

it('a conflict is remembered where the bundle in flight is lost too: nothing is taken that could never be sent', async () => {
  const rig = await setBack()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms({ amount: 30 }))
  rig.edge.weather = 'offline'
  await sdk.syncNow()
  for (const key of ['outgoing/0', 'outgoing/1']) rig.put(key, 'm1.')
  rig.edge.weather = undefined
  // One more bundle at the edge: its head is none that this device could have sent.
  const other = await Rig.create()
  const copy = rig.sdk({ storage: other.storage })
  await copy.initialize()
  await copy.createOfflineTransaction(terms({ amount: 40 }))
  await copy.syncNow()
  const restarted = await rig.started()
  expect(await restarted.syncNow()).toMatchObject({ status: 'stopped', error: { code: 'chain_conflict' } })
  expect(restarted.state).toMatchObject(BLOCKED)
  rig.edge.weather = 'offline'
  const offline = await rig.started()
  expect(offline.state).toMatchObject({ ...BLOCKED, unsynced: 1 })
  await expect(offline.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'device_blocked' })
})

describe('a store that was set back hears from the next notice how far the edge is', () => {
  it.each([1, 3])(
    'also when it missed %i bundles of which everything was refused, so that no outcome tells',
    async (missed) => {
      const rig = await Rig.create()
      const sdk = await rig.started()
      await sdk.createOfflineTransaction(terms())
      await sdk.syncNow()
      const backup = new Map(rig.storage.items)
      rig.edge.decide = () => ({ decision: 'refused', reason: 'too_old' })
      for (let i = 0; i < missed; i++) {
        await sdk.createOfflineTransaction(terms())
        await sdk.syncNow()
      }
      rig.storage.items.clear()
      for (const [key, text] of backup) rig.storage.items.set(key, text)
      const restored = await rig.started()
      const before = pushes(rig)
      for (let i = 0; i < 2; i++) {
        expect(await restored.syncNow()).toMatchObject({ status: 'stopped', error: { code: 'chain_conflict' } })
        expect(restored.state).toMatchObject(BLOCKED)
      }
      await expect(restored.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'device_blocked' })
      expect(pushes(rig)).toBe(before)
      expect(rig.edge.contradictions).toEqual([])
    },
  )
})

it('a device without state takes no notice of before, which somebody in between gives again: it would fork', async () => {
  const rig = await Rig.create()
  let held: HttpResponse | undefined
  const fetch: Fetch = async (url, request) => {
    const answer = await rig.edge.fetch(url, request)
    if (url.endsWith('/notice')) held ??= answer
    return url.endsWith('/notice') && held ? held : answer
  }
  const sdk = await rig.started({ fetch })
  await sdk.createOfflineTransaction(terms())
  expect(await sdk.syncNow()).toMatchObject({ bundles: 1 })
  rig.storage.items.clear()
  const anew = rig.sdk({ fetch })
  expect(await anew.initialize()).toMatchObject({ status: 'needs_network', error: { code: 'answer_invalid' } })
  held = undefined
  await anew.initialize()
  expect((await anew.createOfflineTransaction(terms())).counter).toBeGreaterThan(2)
})
