import { describe, expect, it } from 'vitest'
import { parseBundle, parseSealed } from '../../../../src/protocol/bundle.ts'
import { toHex } from '../../../../src/protocol/bytes.ts'
import { encodePushResponse } from '../../../../src/protocol/notice.ts'
import { random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const pushes = (rig: Rig) =>
  rig.edge.requests.flatMap(({ path, body }) => (path === '/offline/push' && body ? [parseBundle(body)] : []))

describe('the key that a bundle was sealed to is retired', () => {
  it('before it arrived: the same payments are sealed again under the same id, and admitted once', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.weather = 'offline'
    await sdk.syncNow()
    await rig.edge.rotate('seal', 'retired')
    rig.edge.weather = undefined
    const later = await rig.started()
    expect(await later.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
    const [lost, refused, admitted] = pushes(rig)
    expect(refused?.payload).toEqual(lost?.payload)
    expect(admitted?.claims.bundleId).toEqual(lost?.claims.bundleId)
    expect(admitted?.claims.seq).toBe(lost?.claims.seq)
    const [before, after] = [lost, admitted].map((bundle) => bundle && parseSealed(bundle.payload).recipientKid)
    expect(after).not.toEqual(before)
    expect(rig.edge.counters).toEqual([1])
    expect(rig.edge.contradictions).toEqual([])
    await later.createOfflineTransaction(terms())
    expect(await later.syncNow()).toMatchObject({ status: 'done' })
  })

  it('after it was admitted, the receipt lost: the edge finds the receipt', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = ['lost']
    await sdk.syncNow()
    await rig.edge.rotate('seal', 'retired')
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1 })
    expect(rig.edge.contradictions).toEqual([])
  })

  it('and the edge does not find it: the chain’s head proves the admission, and the next bundle continues it', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = ['lost']
    await sdk.syncNow()
    rig.edge.findsReceiptUnopened = false
    await rig.edge.rotate('seal', 'retired')
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.contradictions).toEqual([])
    expect(rig.edge.counters).toEqual([1, 2])

    const later = await rig.started()
    expect(later.getTransactions().map(({ receipted }) => receipted)).toEqual([true, true])
    await later.createOfflineTransaction(terms())
    rig.edge.settleAll()
    expect(await later.syncNow()).toMatchObject({ status: 'done', unsynced: 0, bundles: 1 })
    expect(later.getTransaction('POS-001/2')?.status).toBe('succeeded')
    expect(rig.edge.contradictions).toEqual([])
  })

  it('an edge that goes on refusing without a new key is left alone, and nothing is sealed again for nothing', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = [{ problem: 'unknown_recipient_key' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'unknown_recipient_key' } })
    expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
    const [first, second] = pushes(rig)
    expect(toHex(second?.payload ?? new Uint8Array())).toBe(toHex(first?.payload ?? new Uint8Array(1)))
  })

  it('an edge that never opens them does not make the device seal for ever', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    for (let i = 0; i < 30; i++) {
      rig.edge.faults = [{ problem: 'undecryptable' }, undefined, { problem: 'undecryptable' }, undefined]
      rig.edge.faults.push({ problem: 'temporarily_unavailable' })
      await sdk.syncNow()
      if (sdk.state.parked) break
    }
    expect(sdk.state.parked).toMatchObject({ code: 'undecryptable' })
    rig.edge.faults = []
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.counters).toEqual([1])
  })
})

describe('the edge says that it has another bundle under this id', () => {
  it('and it was ours, sealed before: the chain’s head proves it', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = ['lost']
    await sdk.syncNow()
    rig.edge.faults = [{ problem: 'bundle_conflict' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.counters).toEqual([1])
  })

  it('and there is no proof of it: the bundle is parked, and goes on when asked', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = [{ problem: 'bundle_conflict' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'stopped', unsynced: 1, error: { code: 'bundle_conflict' } })
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  })
})

it('a receipt signed by a key that is no longer trusted is replaced by the chain’s proof', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  rig.edge.faults = ['lost']
  await sdk.syncNow()
  // The device hears of the new receipt key while the old one still signs, and then that the old one is gone.
  for (const change of [() => rig.edge.rotate('receipt', 'retiring'), async () => rig.edge.retire('receipt')]) {
    await change()
    rig.edge.faults = [{ problem: 'malformed_bundle' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'stopped', unsynced: 1 })
  }
  const before = rig.edge.requests.length
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  const asked = rig.edge.requests.slice(before).map(({ path, headers }) => [path, headers['Molam-Cursor']])
  expect(asked.slice(0, 2)).toEqual([
    ['/offline/push', '0'],
    ['/offline/notice', undefined],
  ])
  expect(rig.edge.counters).toEqual([1])
  await sdk.createOfflineTransaction(terms())
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1 })
})

describe('proven by the chain alone, an admission says what was refused', () => {
  const refusing = async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    for (let i = 0; i < 2; i++) await sdk.createOfflineTransaction(terms())
    rig.edge.decide = ({ counter }) => (counter === 1 ? { decision: 'refused', reason: 'payer_not_proven' } : undefined)
    rig.edge.faults = ['lost']
    await sdk.syncNow()
    return { rig, sdk }
  }
  const states = (sdk: Awaited<ReturnType<Rig['started']>>) =>
    sdk.getTransactions().map(({ localId, status, reason }) => [localId, reason ?? status])
  const REFUSED = [
    ['POS-001/1', 'payer_not_proven'],
    ['POS-001/2', 'pending'],
  ]

  it('when the answer with the receipt is another one', async () => {
    const { rig, sdk } = await refusing()
    rig.edge.faults = [{ tamper: async () => encodePushResponse(random(40), await rig.edge.signNotice({})) }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(states(sdk)).toEqual(REFUSED)
    expect(states(await rig.started()), 'also after a restart').toEqual(REFUSED)
  })

  it('when an earlier form of the bundle was admitted', async () => {
    const { rig, sdk } = await refusing()
    rig.edge.faults = [{ problem: 'bundle_conflict' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(states(sdk)).toEqual(REFUSED)
  })

  it('when the receipt is by a key that is gone', async () => {
    const { rig, sdk } = await refusing()
    await rig.edge.rotate('receipt', 'retiring')
    rig.edge.faults = [{ problem: 'malformed_bundle' }]
    await sdk.syncNow()
    rig.edge.retire('receipt')
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(states(sdk)).toEqual(REFUSED)
  })

  it('and an edge that proves it without saying so is not believed', async () => {
    const { rig, sdk } = await refusing()
    rig.edge.lastReceipt = () => undefined
    rig.edge.faults = [{ problem: 'bundle_conflict' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'answer_invalid' } })
    rig.edge.lastReceipt = (said) => ({ ...said, lastCounter: 3 })
    rig.edge.faults = [{ problem: 'bundle_conflict' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'answer_invalid' } })
    rig.edge.lastReceipt = (said) => said
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(states(sdk)).toEqual(REFUSED)
  })
})

describe('a history that is not ours', () => {
  it('a store set back to an old copy is found out before anything is told twice', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms({ amount: 1 }))
    await sdk.syncNow()
    const backup = new Map(rig.storage.items)
    await sdk.createOfflineTransaction(terms({ amount: 2 }))
    await sdk.syncNow()
    rig.edge.settleAll()

    rig.storage.items.clear()
    for (const [key, value] of backup) rig.storage.items.set(key, value)
    const restored = await rig.started()
    expect(await restored.syncNow()).toMatchObject({ status: 'stopped', error: { code: 'chain_conflict' } })
    // The outcome of a payment that this copy does not know: its counter is not given out again.
    expect(restored.state.damaged).toMatchObject([{ counter: 2, kind: 'absent' }])
    expect(rig.edge.entriesOf(2)).toHaveLength(1)
    expect(rig.edge.contradictions).toEqual([])
    await expect(restored.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'device_blocked' })
  })
})
