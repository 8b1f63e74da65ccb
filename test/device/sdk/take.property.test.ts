import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OfflineError, type PaymentTerms } from '../../../src/device/sdk/index.ts'
import { encodeApprovalRequest } from '../../../src/protocol/approval.ts'
import { COUNTER_MAX } from '../../../src/protocol/limits.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { isPayment, isVoided } from '../../../src/protocol/payment.ts'
import { judge } from '../../../src/protocol/rules.ts'
import { unverifiedApproval } from '../../kit/approval.ts'
import { unverified } from '../../kit/authorization.ts'
import { DEVICE, OWNER, POLICY, random } from './edge.ts'
import { Rig, terms } from './rig.ts'

/** Where a rig's clock stands. */
const NOW = Date.UTC(2026, 10, 22, 9)
const PAYER = '+221770000001'
const UUID = '0188c7b2-7a51-7000-8000-0123456789ab'

/** The form of a payer's authorization, for a payment of the device's with this amount, under a pass of `sender`. */
const authorization = (amount: number, over: Partial<Payment> = {}) => {
  const { type, receiver } = terms()
  const asked = { type, receiver, amount: amountMinor(amount), currency: currency('XOF'), sender: PAYER, ...over }
  const { pass, authorization } = unverified({ ...asked, counter: 1, method: 'wallet', initiatedAtMs: NOW } as Payment)
  return { pass, authorization }
}

const AMOUNTS = [
  1,
  2500,
  10_000,
  10_001,
  50_001,
  75_001,
  100_000,
  100_001,
  0,
  -1,
  0.5,
  -0,
  2 ** 53,
  Number.NaN,
  '1',
  1n,
]
const WALLETS = [
  ...[PAYER, OWNER, 'W-1', UUID, UUID.toUpperCase(), '77 000 00 01', '00221770000001', `\u2068${PAYER}\u2069`],
  ...[
    'tel:+221-77-000-00-01',
    'shop-1',
    ' shop-1 ',
    'Shop-1',
    'ｓｈｏｐ-1',
    '+229 97 00 00 01',
    '',
    'shop 1',
    'x'.repeat(64),
  ],
  ...['x'.repeat(65), 'é', 'WIFI:S:shop;;', 5, null],
]
/** An agent's answer to what the device asked about `terms()` with this amount, out of its owner's wallet. */
const approval = (amount: number, signedAtMs = NOW) => {
  const { type } = terms()
  const requestId = random(16)
  const asked = { type, amount: amountMinor(amount), currency: currency('XOF'), sender: OWNER, receiver: 'W-1' }
  const request = encodeApprovalRequest({ ...asked, takerId: DEVICE, requestId })
  return { request, approval: unverifiedApproval(signedAtMs, requestId) }
}
const APPROVALS = [
  ...[approval(50_001), approval(75_001), approval(75_001, NOW - 86_400_000), approval(2500), 'AGENT-7', 7, null, {}],
  ...[{ request: random(80), approval: random(120) }, { request: [], approval: 'A' }, new Uint8Array(120)],
  { ...approval(50_001), request: approval(50_001).request },
]
const AUTHORIZATIONS = [
  ...[authorization(2500), authorization(10_001), authorization(75_001), authorization(2500, { sender: 'W-1' })],
  ...[
    { ...authorization(2500), pass: random(170) },
    { ...authorization(2500), authorization: random(101) },
  ],
  ...[{ pass: random(300), authorization: random(129) }, { pass: 'A' }, {}, new Uint8Array(), 'bytes', [1, 2], null],
]
const METAS = [
  ...[{ till: '3', lines: 2, paid: true }, {}, { n: 2 ** 53 - 1 }, { n: 2 ** 53 }, { n: -1 }, { n: 0.5 }, { n: -0 }],
  ...[
    { '': '' },
    { t: '😀' },
    { t: '\udc00' },
    { t: 'x'.repeat(1010) },
    { t: 'x'.repeat(1024) },
    { o: {} },
    { n: null },
  ],
  ...[JSON.parse('{"__proto__": "x"}'), [], 'text', null],
]
const usually = (value: unknown, ...others: readonly unknown[]) =>
  fc.oneof(
    { weight: 40, arbitrary: fc.constant(value) },
    { weight: 8, arbitrary: fc.constantFrom(...others) },
    { weight: 1, arbitrary: fc.anything() },
  )

const wanted: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      type: usually('merchant', 'p2p', 'cashin', 'cashout', 'agent', 'gift'),
      method: usually(undefined, 'wallet', 'qr', 'ussd', 'cash'),
      amount: usually(2500, ...AMOUNTS),
      currency: usually('XOF', 'XOF', 'xof', 'EUR', 'ＸＯＦ'),
      sender: usually(PAYER, ...WALLETS),
      receiver: usually(OWNER, ...WALLETS),
      merchantId: usually(undefined, ...WALLETS),
      approval: usually(undefined, ...APPROVALS),
      authorization: usually(undefined, ...AUTHORIZATIONS),
      meta: usually(undefined, ...METAS),
    }),
  },
  // Large, out of the owner's own wallet, and approved, each of them once at the most.
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...APPROVALS)
      .map((one) => ({ ...terms({ amount: 50_001, sender: OWNER, receiver: 'W-1' }), approval: one })),
  },
  { weight: 1, arbitrary: fc.constantFrom(null, undefined, 'terms', []) },
)

/** A device whose next counter is so many before the last. */
async function nearTheEnd(left: number): Promise<Rig> {
  const rig = await Rig.create()
  // Its first contact leaves out the 400 counters that it might have used.
  rig.edge.bring({ counter: COUNTER_MAX - 400 - left, voided: true })
  return rig
}
const smallestGap = (length: number) => (length === 1 ? new Uint8Array(1) : random(length))

it('whatever the terms: either nothing is taken and nothing written, or the edge finds nothing wrong with the payment', async () => {
  let [taken, not] = [0, 0]
  const left = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(fc.array(wanted, { minLength: 1, maxLength: 4 }), left, async (list, countersLeft) => {
      const rig = await (countersLeft === undefined ? Rig.create() : nearTheEnd(countersLeft))
      const known = rig.edge.bundles.length
      const sdk = await rig.started({ randomBytes: smallestGap })
      const ids: string[] = []
      for (const one of list) {
        const before = new Map(rig.storage.items)
        try {
          ids.push((await sdk.createOfflineTransaction(one as PaymentTerms)).localId)
        } catch (error) {
          expect(error).toBeInstanceOf(OfflineError)
          expect(error).toMatchObject({ money: 'not_taken' })
          expect(rig.storage.items).toEqual(before)
          not++
        }
      }
      taken += ids.length
      expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
      // What `parseBundle` and `decodePayload` made of it.
      const entries = rig.edge.bundles.slice(known).flatMap((bundle) => bundle.entries)
      expect(entries.filter((entry) => !isPayment(entry) && !isVoided(entry))).toEqual([])
      expect(entries.map(({ counter }) => `POS-001/${counter}`)).toEqual(ids)
      const context = {
        policy: POLICY,
        nowMs: rig.timeMs,
        takerId: DEVICE,
        ownerWallet: OWNER,
        paysUntilMs: Number.POSITIVE_INFINITY,
        timeFloorMs: 0,
        riskScore: undefined,
        usedRequests: [],
      }
      const { verdicts } = judge(entries.filter(isPayment), new Map(), context)
      expect(verdicts.filter(({ decision }) => decision === 'refused')).toEqual([])
    }),
    { numRuns: 300 },
  )
  // Both happen, or nothing is shown.
  expect(Math.min(taken, not)).toBeGreaterThan(50)
}, 120_000)

it('the last number is used, and after it the device says that it has none left', async () => {
  const rig = await nearTheEnd(1)
  const sdk = await rig.started({ randomBytes: smallestGap })
  expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ counter: COUNTER_MAX })
  const refused = { code: 'numbers_used_up', money: 'not_taken', next: 'contact_support' }
  for (const one of [sdk, await rig.started()]) {
    await expect(one.createOfflineTransaction(terms())).rejects.toMatchObject(refused)
  }
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
})
