import { describe, expect, it } from 'vitest'
import type { PaymentTerms } from '../../../src/device/sdk/index.ts'
import { OWNER, POLICY, random } from './edge.ts'
import { approvedAt, Rig, terms } from './rig.ts'

describe('a payment that is not valid', () => {
  const invalid: Record<string, Partial<Record<keyof PaymentTerms, unknown>>> = {
    'an amount of 0': { amount: 0 },
    'a fraction': { amount: 10.5 },
    'an amount as text': { amount: '2500' },
    'not a number': { amount: Number.NaN },
    'an unknown type': { type: 'gift' },
    'an unknown method': { method: 'cash' },
    'a currency in small letters': { currency: 'xof' },
    'an empty receiver': { receiver: '' },
    'a receiver with a space': { receiver: 'shop 1' },
    'a receiver that is too long': { receiver: 'x'.repeat(65) },
    'no sender': { sender: undefined },
    'an approval as text': { approval: 'AGENT-7' },
    'no approval at all': { approval: null },
    'an approval without the request': { approval: { approval: random(120) } },
    'an approval that is too long': { approval: { request: random(80), approval: random(641) } },
    'an authorization that is too long': { authorization: { pass: random(170), authorization: random(129) } },
    'a pass that is none': { authorization: { pass: random(170), authorization: random(101) } },
    'an authorization without a pass': { authorization: { authorization: random(101) } },
    'an authorization as bytes': { authorization: random(101) },
    'meta that is too long': { meta: { note: 'x'.repeat(1025) } },
    'meta with a fraction': { meta: { rate: 0.5 } },
    'meta with an object': { meta: { nested: {} } },
  }

  it.each(Object.entries(invalid))('%s: is not taken, and nothing is written', async (_, over) => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    const before = new Map(rig.storage.items)
    const taking = sdk.createOfflineTransaction({ ...terms(), ...over } as PaymentTerms)
    await expect(taking).rejects.toMatchObject({ code: 'invalid_payment', money: 'not_taken', next: 'change_payment' })
    expect(rig.storage.items).toEqual(before)
  })
})

describe('wallets', () => {
  it.each(['00221770000001', '221 77-000-00-01', 'tel:+221770000001', '\u2068+221 77 000 00 01\u2069', '77 000 00 01'])(
    'however the payer’s number is written, the payment names the one wallet: %j',
    async (sender) => {
      const rig = await Rig.create()
      const sdk = await rig.started()
      expect(await sdk.createOfflineTransaction(terms({ sender }))).toMatchObject({ sender: '+221770000001' })
      await sdk.syncNow()
      expect(rig.edge.entriesOf(1)).toMatchObject([{ sender: '+221770000001' }])
    },
  )

  it.each([
    ['link', 'WIFI:T:WPA;P:secret;S:shop;;'],
    ['old_number', '+229 97 00 00 01'],
    ['number', '+221 77 000 00 0'],
    ['foreign_number', '+33 6 12 34 56 78'],
  ])('a payer who is none is not taken, with the reason %s, and nothing is written', async (fault, text) => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    const before = new Map(rig.storage.items)
    for (const field of ['sender', 'receiver']) {
      await expect(sdk.createOfflineTransaction(terms({ [field]: text }))).rejects.toMatchObject({
        code: 'invalid_payment',
        money: 'not_taken',
        wallet: { field, fault },
      })
    }
    expect(rig.storage.items).toEqual(before)
  })
})

describe('the rules of the policy', () => {
  it.each([
    ['limit_exceeded', { amount: POLICY.maxOfflineAmount + 1, sender: OWNER, receiver: 'W-1' }],
    ['payer_not_proven', { amount: POLICY.requirePayerProofAbove + 1 }],
    ['approval_required', { amount: POLICY.requireAgentApprovalAbove + 1, sender: OWNER, receiver: 'W-1' }],
    ['currency_mismatch', { currency: 'EUR' }],
    ['method_not_allowed', { method: 'ussd' as const }],
  ])('%s: is refused with its reason, and nothing is written', async (reason, over) => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    const before = new Map(rig.storage.items)
    await expect(sdk.createOfflineTransaction(terms(over))).rejects.toMatchObject({
      code: 'refused',
      reason,
      money: 'not_taken',
    })
    expect(rig.storage.items).toEqual(before)
    expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ counter: 1 })
  })

  it('a payment that a person will look at is taken, and says so', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    const large = terms({ amount: POLICY.requireManualReviewAbove + 1, sender: OWNER, receiver: 'W-1' })
    const taken = await sdk.createOfflineTransaction({ ...large, approval: approvedAt(sdk, large, rig.timeMs) })
    expect(taken.expected).toEqual({ decision: 'review', reason: 'amount_review' })
  })

  it('the day’s count and value hold over restarts, without voided and refused ones, and start again the next day', async () => {
    const rig = await Rig.create()
    rig.edge.policy = { ...POLICY, maxOfflinePerDevicePerDay: 3, maxOfflineValuePerDevicePerDay: 7000 }
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms({ amount: 1000 }))
    await sdk.createOfflineTransaction(terms({ amount: 2000 }))
    await sdk.voidTransaction(1)
    rig.edge.decide = ({ counter }) => (counter === 2 ? { decision: 'refused', reason: 'risk_rejected' } : undefined)
    await sdk.syncNow()
    for (const amount of [3000, 3500]) await (await rig.started()).createOfflineTransaction(terms({ amount }))
    const restarted = await rig.started()
    expect(restarted.getLimits()).toMatchObject({
      count: { used: 2, max: 3, remaining: 1 },
      amountsByCurrency: { XOF: { used: 6500, max: 7000, remaining: 500 } },
      remaining: 500,
    })
    const tooMuch = { code: 'refused', reason: 'limit_exceeded' }
    await expect(restarted.createOfflineTransaction(terms({ amount: 501 }))).rejects.toMatchObject(tooMuch)
    await restarted.createOfflineTransaction(terms({ amount: 400 }))
    // 100 are left of the day's value, and none of its payments.
    expect(restarted.getLimits()).toMatchObject({ count: { remaining: 0 }, remaining: 0 })
    await expect(restarted.createOfflineTransaction(terms({ amount: 1 }))).rejects.toMatchObject(tooMuch)
    rig.timeMs += 86_400_000
    expect(restarted.getLimits()).toMatchObject({ count: { remaining: 3 }, remaining: 7000 })
    await restarted.createOfflineTransaction(terms({ amount: 501 }))
  })

  it('what the edge has not acknowledged has a limit: nothing is taken beyond it until a sync', async () => {
    const rig = await Rig.create()
    rig.edge.policy = { ...POLICY, maxOfflineValueBetweenSyncs: 7000 }
    const sdk = await rig.started()
    const beyond = { code: 'unsynced_limit', reason: 'unsynced_limit', money: 'not_taken', next: 'connect' }
    await sdk.createOfflineTransaction(terms({ amount: 4000 }))
    await sdk.createOfflineTransaction(terms({ amount: 2000 }))
    expect(sdk.getLimits()).toMatchObject({ unsynced: { used: 6000, max: 7000, remaining: 1000 }, remaining: 1000 })
    await expect(sdk.createOfflineTransaction(terms({ amount: 1001 }))).rejects.toMatchObject(beyond)
    await sdk.createOfflineTransaction(terms({ amount: 1000 }))
    const restarted = await rig.started()
    await expect(restarted.createOfflineTransaction(terms({ amount: 1 }))).rejects.toMatchObject(beyond)
    // What was taken back is not on the device any more.
    await restarted.voidTransaction(2)
    await restarted.createOfflineTransaction(terms({ amount: 2000 }))
    // The next day is no sync.
    rig.timeMs += 86_400_000
    await expect(restarted.createOfflineTransaction(terms({ amount: 1 }))).rejects.toMatchObject(beyond)
    expect(restarted.getLimits()).toMatchObject({ remaining: 0, amountsByCurrency: { XOF: { used: 0 } } })
    await restarted.syncNow()
    await restarted.createOfflineTransaction(terms({ amount: 7000 }))
    expect(restarted.getLimits().unsynced).toEqual({ used: 7000, max: 7000, remaining: 0 })
  })

  it('a new policy takes effect with the notice that brings it; an older one never', async () => {
    const rig = await Rig.create()
    rig.edge.policy = { ...POLICY, version: 3, maxOfflineAmount: 9000 }
    const sdk = await rig.started()
    rig.edge.policy = { ...POLICY, version: 4, maxOfflineAmount: 5000 }
    await sdk.syncNow()
    const tooMuch = { code: 'refused', reason: 'limit_exceeded' }
    await expect(sdk.createOfflineTransaction(terms({ amount: 5001 }))).rejects.toMatchObject(tooMuch)
    // An edge that was set back: it believes that the device has version 2.
    rig.edge.policy = { ...POLICY, version: 3, maxOfflineAmount: 9000 }
    const older = await rig.started({
      fetch: (url, request) =>
        rig.edge.fetch(url, { ...request, headers: { ...request.headers, 'Molam-Policy-Version': '2' } }),
    })
    await older.syncNow()
    await expect(older.createOfflineTransaction(terms({ amount: 5001 }))).rejects.toMatchObject(tooMuch)
  })
})

describe('voiding', () => {
  it('a payment that never left is sent as voided, and its counter is accounted for', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    await sdk.voidTransaction(1)
    await sdk.createOfflineTransaction(terms())
    const restarted = await rig.started()
    expect(restarted.getTransactions().map(({ status }) => status)).toEqual(['voided', 'pending_offline'])
    expect(await restarted.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.entriesOf(1)).toEqual([{ counter: 1, voided: true }])
  })

  it('is refused once the payment was put into a bundle, sent or not', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.weather = 'offline'
    await sdk.syncNow()
    const refusal = { code: 'already_bundled', money: 'kept_on_device' }
    await expect(sdk.voidTransaction(1)).rejects.toMatchObject(refusal)
    const restarted = await rig.started()
    await expect(restarted.voidTransaction(1)).rejects.toMatchObject(refusal)
    rig.edge.weather = undefined
    await restarted.syncNow()
    await expect(restarted.voidTransaction(1)).rejects.toMatchObject({ code: 'already_bundled', money: 'receipted' })
    await expect(restarted.voidTransaction(2)).rejects.toMatchObject({ code: 'no_such_payment' })
  })
})

it('a full disk means not taken, says so, and what was taken before is whole', async () => {
  const rig = await Rig.create()
  let full = false
  const storage = {
    getItem: (key: string) => rig.storage.getItem(key),
    removeItem: (key: string) => rig.storage.removeItem(key),
    setItem: (key: string, value: string) => {
      if (full) throw new DOMException('no space', 'QuotaExceededError')
      return rig.storage.setItem(key, value)
    },
  }
  const sdk = await rig.started({ storage })
  await sdk.createOfflineTransaction(terms({ amount: 1 }))
  full = true
  const taking = sdk.createOfflineTransaction(terms({ amount: 2 }))
  await expect(taking).rejects.toMatchObject({ code: 'storage_full', money: 'not_taken', next: 'free_storage' })
  full = false
  const restarted = await rig.started()
  expect(restarted.getTransactions().map(({ amount }) => amount)).toEqual([1])
  expect(await restarted.createOfflineTransaction(terms({ amount: 3 }))).toMatchObject({ counter: 2 })
})

describe('a store that keeps what it reports as failed, and cannot remove it', () => {
  /** Fails while `broken`, and carries the writes out all the same. */
  async function broken() {
    const rig = await Rig.create()
    const state = { broken: false }
    const storage = {
      getItem: (key: string) => rig.storage.getItem(key),
      setItem: async (key: string, value: string) => {
        await rig.storage.setItem(key, value)
        if (state.broken) throw new Error('disk error')
      },
      removeItem: (key: string) => {
        if (state.broken) throw new Error('disk error')
        return rig.storage.removeItem(key)
      },
    }
    return { rig, state, sdk: await rig.started({ storage }) }
  }

  it('a payment that was not taken is never sent, and its counter waits until it is gone', async () => {
    const { rig, state, sdk } = await broken()
    state.broken = true
    await expect(sdk.createOfflineTransaction(terms({ amount: 1 }))).rejects.toMatchObject({ money: 'not_taken' })
    expect(rig.stored('payment/1')).toBeDefined()
    await expect(sdk.createOfflineTransaction(terms({ amount: 2 }))).rejects.toMatchObject({ money: 'not_taken' })
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'storage_failed' } })
    state.broken = false
    expect(await sdk.createOfflineTransaction(terms({ amount: 3 }))).toMatchObject({ counter: 1 })
    expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
    expect(rig.edge.entriesOf(1)).toMatchObject([{ amount: 3 }])
  })

  it('a payment whose void failed stands, for good', async () => {
    const { rig, state, sdk } = await broken()
    await sdk.createOfflineTransaction(terms({ amount: 1 }))
    state.broken = true
    await expect(sdk.voidTransaction(1)).rejects.toMatchObject({ code: 'storage_failed', money: 'unread' })
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'storage_failed' } })
    expect(rig.edge.bundles).toEqual([])
    state.broken = false
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    const restarted = await rig.started()
    expect(restarted.getTransactions()).toMatchObject([{ amount: 1, status: 'pending' }])
    expect(rig.edge.entriesOf(1)).toMatchObject([{ amount: 1 }])
  })
})

it('a record that something else wrote is never overwritten', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  const other = await rig.started()
  await other.createOfflineTransaction(terms({ amount: 1 }))
  expect(await sdk.createOfflineTransaction(terms({ amount: 2 }))).toMatchObject({ counter: 2 })
  expect(sdk.getTransactions().map(({ amount }) => amount)).toEqual([1, 2])
})

it('a store that silently drops what it took is found out', async () => {
  const rig = await Rig.create()
  await rig.started()
  const sdk = await rig.started({
    storage: { getItem: (key) => rig.storage.getItem(key), setItem: () => undefined, removeItem: () => undefined },
  })
  await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'storage_failed' })
})
