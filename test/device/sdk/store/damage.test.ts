import { describe, expect, it } from 'vitest'
import { type AtRestCipher, openExport } from '../../../../src/device/sdk/index.ts'
import { AT_REST, Rig, terms } from '../rig.ts'

/** Two payments that were told, the second's record then cut to `length` characters, or lost. */
async function withSecond(change: (text: string) => string | undefined, atRest?: AtRestCipher) {
  const rig = await Rig.create({ atRest })
  const sdk = await rig.started()
  rig.edge.weather = 'offline'
  await sdk.createOfflineTransaction(terms({ amount: 1 }))
  await sdk.createOfflineTransaction(terms({ amount: 2 }))
  const text = change(rig.stored('payment/2') ?? '')
  if (text === undefined) rig.storage.items.delete('molam/POS-001/payment/2')
  else rig.put('payment/2', text)
  rig.edge.weather = undefined
  return rig
}

async function lengthOfRecord(atRest?: AtRestCipher): Promise<number> {
  const rig = await withSecond((text) => text, atRest)
  return rig.stored('payment/2')?.length ?? 0
}

describe('the last record cut short, at every length', () => {
  it.each(AT_REST)(
    '%s: is kept and shown, never sent, its counter never used, and all others go on',
    async (_, atRest) => {
      const length = await lengthOfRecord(atRest)
      expect(length).toBeGreaterThan(60)
      for (let cut = 0; cut < length; cut++) {
        const rig = await withSecond((text) => text.slice(0, cut), atRest)
        const raw = rig.stored('payment/2')
        const sdk = await rig.started()
        expect(sdk.state.damaged, `cut at ${cut}`).toEqual([{ counter: 2, kind: 'unreadable', receipted: false, raw }])
        expect(sdk.state.unsynced).toBe(2)
        expect(await sdk.createOfflineTransaction(terms({ amount: 3 }))).toMatchObject({ counter: 3 })
        expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 1 })
        expect(rig.edge.counters).toEqual([1, 3])
        expect(rig.stored('payment/2')).toBe(raw)
        expect(await sdk.destroy()).toMatchObject({ warning: 'unsynced_payments' })
      }
    },
    120_000,
  )
})

it.each(AT_REST)('%s: any altered character of a record shows', async (_, atRest) => {
  const length = await lengthOfRecord(atRest)
  for (let at = 0; at < length; at += 7) {
    const alter = (text: string) => `${text.slice(0, at)}${text[at] === '0' ? '1' : '0'}${text.slice(at + 1)}`
    const rig = await withSecond(alter, atRest)
    const sdk = await rig.started()
    expect(sdk.state.damaged, `altered at ${at}`).toMatchObject([{ counter: 2, kind: 'unreadable' }])
  }
})

it('a record moved to another counter is not that counter’s payment', async () => {
  const rig = await withSecond((text) => text)
  rig.put('payment/1', rig.stored('payment/2') ?? '')
  const sdk = await rig.started()
  expect(sdk.state.damaged).toMatchObject([{ counter: 1, kind: 'unreadable' }])
})

it('a damaged payment is sent as voided once a person has voided it', async () => {
  const rig = await withSecond((text) => text.slice(0, 20))
  const sdk = await rig.started()
  await sdk.voidTransaction(2)
  expect(sdk.state).toMatchObject({ damaged: [], unsynced: 2 })
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0, bundles: 1 })
  expect(rig.edge.entriesOf(2)).toEqual([{ counter: 2, voided: true }])
})

describe('a later version of the app has written', () => {
  it.each(['m2', 's7', 'm12'])(
    'a payment (%s): kept as it stands, shown, never sent, its counter never used',
    async (format) => {
      const rig = await withSecond((text) => text.replace('m1.', `${format}.`))
      const raw = rig.stored('payment/2')
      const sdk = await rig.started()
      expect(sdk.state.damaged).toEqual([{ counter: 2, kind: 'newer', receipted: false, raw }])
      expect(await sdk.createOfflineTransaction(terms({ amount: 3 }))).toMatchObject({ counter: 3 })
      expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 1 })
      expect(rig.edge.counters).toEqual([1, 3])
      expect(rig.stored('payment/2')).toBe(raw)
      const rescued = await openExport(await sdk.exportUnsynced('a long passphrase'), 'a long passphrase')
      expect(rescued?.damaged).toEqual([{ counter: 2, kind: 'newer', receipted: false, raw }])
      // The update comes back.
      rig.put('payment/2', raw?.replace(`${format}.`, 'm1.') ?? '')
      const updated = await rig.started()
      expect(await updated.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
      expect(rig.edge.entriesOf(2)).toMatchObject([{ amount: 2 }])
    },
  )

  it.each(['state/0', 'state/1', 'outgoing/0'])(
    '%s: the device is blocked, and nothing is written over',
    async (key) => {
      const rig = await Rig.create()
      const sdk = await rig.started()
      for (let i = 0; i < 2; i++) {
        await sdk.createOfflineTransaction(terms())
        await sdk.syncNow()
      }
      rig.put(key, rig.stored(key)?.replace('m1.', 'm2.') ?? '')
      const before = new Map(rig.storage.items)
      const older = rig.sdk()
      const blocked = { status: 'blocked', error: { code: 'store_newer', next: 'update_app', money: 'kept_on_device' } }
      expect(await older.initialize()).toMatchObject(blocked)
      await expect(older.createOfflineTransaction(terms())).rejects.toMatchObject({ money: 'not_taken' })
      await older.syncNow().catch(() => undefined)
      expect(older.state).toMatchObject(blocked)
      expect(rig.storage.items).toEqual(before)
    },
  )
})

it('a record that the store lost does not hide those after it, nor free their counters', async () => {
  const rig = await withSecond(() => undefined)
  const before = await rig.started()
  expect(await before.createOfflineTransaction(terms({ amount: 3 }))).toMatchObject({ counter: 2 })
  await before.createOfflineTransaction(terms({ amount: 4 }))
  rig.storage.items.delete('molam/POS-001/payment/2')
  const sdk = await rig.started()
  expect(sdk.state.damaged).toEqual([{ counter: 2, kind: 'absent', receipted: false }])
  expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ counter: 4 })
})

describe('the records besides the payments', () => {
  const slots = ['state/0', 'state/1', 'outgoing/0', 'outgoing/1', 'admission/1', 'outcome/1']

  it.each(slots)('%s damaged: nothing is lost, nothing arrives twice, and the device heals', async (key) => {
    const rig = await Rig.create()
    const sdk = await rig.started({ historyDays: 30 })
    for (const amount of [1, 2]) {
      await sdk.createOfflineTransaction(terms({ amount }))
      await sdk.syncNow()
    }
    rig.edge.settleAll()
    await sdk.syncNow()
    await sdk.createOfflineTransaction(terms({ amount: 3 }))
    const text = rig.stored(key)
    if (text === undefined) throw new Error(`nothing is stored under ${key}`)
    rig.put(key, text.slice(0, -1))
    const restarted = await rig.started()
    await restarted.createOfflineTransaction(terms({ amount: 4 }))
    await restarted.syncNow()
    rig.edge.settleAll()
    expect(await restarted.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(restarted.getTransactions().map(({ amount, status }) => [amount, status])).toEqual([
      [1, 'succeeded'],
      [2, 'succeeded'],
      [3, 'succeeded'],
      [4, 'succeeded'],
    ])
    expect(rig.edge.contradictions).toEqual([])
    for (const counter of [1, 2, 3, 4]) {
      const contents = rig.edge.entriesOf(counter).map((entry) => JSON.stringify(entry))
      expect(new Set(contents).size).toBe(1)
    }
  })

  it('the bundle in flight damaged after it was admitted: the edge’s head is taken over', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms({ amount: 1 }))
    rig.edge.faults = ['lost']
    await sdk.syncNow()
    for (const key of ['outgoing/0', 'outgoing/1']) rig.put(key, (rig.stored(key) ?? 'm1.').slice(0, 9))
    const restarted = await rig.started()
    // Whether it was sent is not known: it cannot be voided.
    await expect(restarted.voidTransaction(1)).rejects.toMatchObject({ code: 'already_bundled' })
    expect(await restarted.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.contradictions).toEqual([])
    // Sent again in another bundle, the edge refused the copy: the payment itself is under way.
    expect(restarted.getTransaction('POS-001/1')).toMatchObject({ status: 'pending' })
    rig.edge.settleAll()
    await restarted.syncNow()
    expect(restarted.getTransaction('POS-001/1')).toMatchObject({ status: 'succeeded' })
  })

  it('the whole state lost: the device goes on from where the edge says, with what is on disk', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms({ amount: 1 }))
    await sdk.syncNow()
    await sdk.createOfflineTransaction(terms({ amount: 2 }))
    for (const key of ['state/0', 'state/1']) rig.put(key, 'm1.')
    rig.edge.weather = 'offline'
    const offline = await rig.started()
    expect(offline.state.status).toBe('needs_network')
    await expect(offline.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'not_ready' })
    rig.edge.weather = undefined
    const restarted = await rig.started()
    expect(restarted.getTransactions()).toMatchObject([
      { counter: 1, amount: 1 },
      { counter: 2, amount: 2 },
    ])
    await expect(restarted.voidTransaction(2)).rejects.toMatchObject({ code: 'already_bundled' })
    await restarted.createOfflineTransaction(terms({ amount: 3 }))
    expect(await restarted.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.counters).toEqual([1, 2, 3])
    expect(rig.edge.contradictions).toEqual([])
  })
})
