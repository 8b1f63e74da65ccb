import { describe, expect, it } from 'vitest'
import { type Activity, activityKey, calendarDay } from '../../src/protocol/activity.ts'
import { recentRequests } from '../../src/protocol/approval-uses.ts'
import { utf8 } from '../../src/protocol/bytes.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { judge, type RuleContext } from '../../src/protocol/rules.ts'
import { approve, unverifiedApproval } from '../kit/approval.ts'
import { unverified } from '../kit/authorization.ts'
import { TestDevice } from '../kit/device.ts'

/** Each column of a policy at, just under and just over its bound. The numbers are the product's defaults, written again. */
const NOW = Date.UTC(2026, 10, 22, 12)
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000]

const POLICY: Policy = {
  country: 'SN',
  version: 1,
  enabled: true,
  currency: currency('XOF'),
  timeZone: 'Africa/Dakar',
  maxOfflineAmount: 100_000,
  maxOfflinePerDevicePerDay: 50,
  maxOfflineValuePerDevicePerDay: 500_000,
  requirePayerProofAbove: 10_000,
  requireAgentApprovalAbove: 50_000,
  requireManualReviewAbove: 75_000,
  allowedMethods: ['wallet', 'qr'],
  maxBundleAgeHours: 72,
  maxClockSkewMinutes: 30,
  maxRelayHours: 24,
  acceptBelowScore: 0.15,
  quarantineAboveScore: 0.35,
  maxDaysSinceSync: 4,
  personDailyValue: 200_000,
  maxOfflineValueBetweenSyncs: 750_000,
  mandatePaymentMax: 2_000,
  mandateDayMax: 5_000,
  allowanceMax: 50_000,
}

/** Out of the owner's wallet and approved: only the rule under test can speak. */
const payment = (over: Partial<Payment> = {}): Payment => ({
  counter: 1,
  type: 'p2p',
  method: 'wallet',
  amount: amountMinor(2500),
  currency: currency('XOF'),
  sender: 'W-OWNER',
  receiver: 'W-B',
  initiatedAtMs: NOW,
  approval: unverifiedApproval(over.initiatedAtMs ?? NOW),
  ...over,
})
/** What an honest payer's phone would say of another payment. */
const proofOf = (other: Payment): Pick<Payment, 'pass' | 'authorization'> => {
  const { pass, authorization } = unverified(other)
  return { ...(pass && { pass }), ...(authorization && { authorization }) }
}
const amount = (value: number, over: Partial<Payment> = {}) => payment({ amount: amountMinor(value), ...over })

const TAKER = deviceId('POS-1')
const context = (over: Partial<RuleContext>): RuleContext => ({
  policy: POLICY,
  nowMs: NOW,
  takerId: TAKER,
  ownerWallet: 'W-OWNER',
  paysUntilMs: Number.POSITIVE_INFINITY,
  timeFloorMs: undefined,
  riskScore: undefined,
  ...over,
})

function said(payments: readonly Payment[], over: Partial<RuleContext> = {}, activity: Activity = new Map()) {
  return judge(payments, activity, context(over)).verdicts.map(({ decision, reason }) =>
    reason ? `${decision} ${reason}` : decision,
  )
}
const one = (single: Payment, over: Partial<RuleContext> = {}, activity?: Activity) => said([single], over, activity)[0]
const withPolicy = (over: Partial<Policy>): Partial<RuleContext> => ({ policy: { ...POLICY, ...over } })
const dayHolds = (count: number, value: number, day = '2026-11-22'): Activity =>
  new Map([[activityKey(day, 'XOF'), { count, value }]])

it('a payment that no rule speaks against is accepted', () => {
  expect(one(payment())).toBe('accepted')
})

describe('a refund', () => {
  const refund = (over: Partial<Payment> = {}) =>
    payment({ counter: 9, type: 'refund', refundOf: { counter: 3 }, ...over })

  it('goes out of the owner’s wallet and names what it gives back', () => {
    expect(one(refund())).toBe('accepted')
    expect(one(refund({ refundOf: { deviceId: deviceId('POS-2'), counter: 70 } }))).toBe('accepted')
    const { refundOf: _, ...nameless } = refund()
    expect(one(nameless)).toBe('refused refund_not_possible')
  })

  it('out of another wallet is none, whoever signed it', () => {
    const sender = { sender: 'W-C' }
    expect(one(refund(sender))).toBe('refused refund_not_possible')
    const signed = unverified(refund(sender))
    expect(one(signed)).toBe('refused refund_not_possible')
  })

  it.each([
    ['itself', { counter: 9 }],
    ['what is taken later', { counter: 10 }],
    ['a payment of its own by the device’s name', { deviceId: TAKER, counter: 3 }],
  ])('is none of %s', (_, refundOf) => {
    expect(one(refund({ refundOf }))).toBe('refused refund_not_possible')
  })

  it('is the owner’s word: without consent the device gives nothing back', () => {
    expect(one(refund(), { paysUntilMs: undefined })).toBe('refused payer_not_proven')
    expect(one(refund({ initiatedAtMs: NOW - HOUR }), { paysUntilMs: NOW - HOUR - 1 })).toBe('refused payer_not_proven')
  })

  it('uses up the limits of a day as every debit does, and is looked at above those of one payment', () => {
    expect(one(refund(), {}, dayHolds(50, 0))).toBe('refused limit_exceeded')
    expect(one(refund(), {}, dayHolds(1, 497_501))).toBe('refused limit_exceeded')
    expect(one(refund({ amount: amountMinor(75_001) }))).toBe('review amount_review')
    expect(one(refund({ amount: amountMinor(50_001), approval: new Uint8Array() }))).toBe('refused approval_invalid')
  })
})

describe('a device without consent only receives', () => {
  const without = { paysUntilMs: undefined }

  it('nothing leaves its owner’s wallet by its own word, however little', () => {
    expect(one(amount(1), without)).toBe('refused payer_not_proven')
    expect(one(amount(1, { type: 'cashin' }), without)).toBe('refused payer_not_proven')
  })

  it('a signature over the terms is looked at as for any other wallet', () => {
    const signed = unverified(payment())
    expect(one(signed, without)).toBe('accepted')
    expect(one(signed, { ...without, disproven: new Set([1]) })).toBe('refused payer_not_proven')
  })

  it('it takes what others pay as any device does', () => {
    expect(one(amount(9_000, { sender: 'W-CUSTOMER', receiver: 'W-OWNER' }), without)).toBe('claimed')
  })

  it('a payment counts by its own date up to the end of the consent', () => {
    const ended = { paysUntilMs: NOW - HOUR }
    expect(one(payment({ initiatedAtMs: NOW - HOUR }), ended)).toBe('accepted')
    expect(one(payment({ initiatedAtMs: NOW - HOUR + 1000 }), ended)).toBe('refused payer_not_proven')
  })
})

describe('refusals', () => {
  it('enabled, currency and allowed_methods', () => {
    expect(one(payment(), withPolicy({ enabled: false }))).toBe('refused country_disabled')
    expect(one(payment({ currency: currency('EUR') }))).toBe('refused currency_mismatch')
    expect(one(payment({ method: 'qr' }))).toBe('accepted')
    expect(one(payment({ method: 'ussd' }))).toBe('refused method_not_allowed')
    expect(one(payment(), withPolicy({ allowedMethods: [] }))).toBe('refused method_not_allowed')
  })

  it.each([
    [-1, 'accepted'],
    [0, 'accepted'],
    [1, 'refused too_old'],
  ])('max_bundle_age_hours: 72 h and %i ms old', (overMs, expected) => {
    expect(one(payment({ initiatedAtMs: NOW - 72 * HOUR - overMs }))).toBe(expected)
  })

  it.each([
    [99_999, 'review amount_review'],
    [100_000, 'review amount_review'],
    [100_001, 'refused limit_exceeded'],
  ])('max_offline_amount: %i', (value, expected) => {
    expect(one(amount(value))).toBe(expected)
  })

  it.each([
    [48, 'accepted'],
    [49, 'accepted'],
    [50, 'refused limit_exceeded'],
  ])('max_offline_per_device_per_day: one more after %i', (count, expected) => {
    expect(one(payment(), {}, dayHolds(count, 0))).toBe(expected)
  })

  it.each([
    [497_499, 'accepted'],
    [497_500, 'accepted'],
    [497_501, 'refused limit_exceeded'],
  ])('max_offline_value_per_device_per_day: 2 500 more after %i', (value, expected) => {
    expect(one(payment(), {}, dayHolds(1, value))).toBe(expected)
  })

  it.each([
    [9_999, 'claimed'],
    [10_000, 'claimed'],
    [10_001, 'refused payer_not_proven'],
  ])('require_payer_proof_above: %i out of somebody else’s wallet', (value, expected) => {
    const asked = amount(value, { sender: 'W-CUSTOMER', receiver: 'W-OWNER' })
    expect(one(asked)).toBe(expected)
    expect(one(amount(value)), 'the owner’s own').toBe('accepted')
    expect(one(unverified(asked)), 'signed').toBe('accepted')
  })

  it.each([
    ['nothing', (asked: Payment) => ({ ...unverified(asked), authorization: new Uint8Array() })],
    ['garbage', (asked: Payment) => ({ ...unverified(asked), authorization: utf8('hello') })],
    [
      'a word without a pass',
      ({ ...asked }: Payment) => ({ ...asked, authorization: unverified(asked).authorization as Uint8Array }),
    ],
    ['a pass that is none', (asked: Payment) => ({ ...unverified(asked), pass: utf8('hello') })],
    ['a pass of another wallet', (asked: Payment) => ({ ...asked, ...proofOf({ ...asked, sender: 'W-ELSE' }) })],
    [
      'a pass for another currency',
      (asked: Payment) => ({ ...asked, ...proofOf({ ...asked, currency: currency('GNF') }) }),
    ],
    [
      'the word of a week ago',
      (asked: Payment) => ({ ...asked, ...proofOf({ ...asked, initiatedAtMs: NOW - 8 * 24 * 60 * MINUTE }) }),
    ],
    [
      'the word of an hour later',
      (asked: Payment) => ({ ...asked, ...proofOf({ ...asked, initiatedAtMs: NOW + 61 * MINUTE }) }),
    ],
    ['a signature that does not hold', (asked: Payment) => unverified(asked), new Set([1])],
  ])('%s is no payer’s word', (_, authorization, disproven = new Set<number>()) => {
    const asked = amount(20_000, { sender: 'W-CUSTOMER', receiver: 'W-OWNER' })
    expect(one(authorization(asked), { disproven })).toBe('refused payer_not_proven')
    const small = amount(9_000, { sender: 'W-CUSTOMER', receiver: 'W-OWNER' })
    const asSmall = 'a small one'
    expect(one(authorization(small), { disproven }), asSmall).toBe('refused payer_not_proven')
  })

  it('a payment from a wallet to itself', () => {
    expect(one(payment({ receiver: 'W-OWNER' }))).toBe('refused same_wallet')
    expect(one(payment({ sender: 'W-B' }))).toBe('refused same_wallet')
  })

  it('an approval by an agent is no word of the payer', () => {
    expect(one(amount(20_000, { sender: 'W-CUSTOMER', receiver: 'W-OWNER' }))).toBe('refused payer_not_proven')
  })

  it.each([
    [49_999, 'accepted'],
    [50_000, 'accepted'],
    [50_001, 'refused approval_required'],
  ])('require_agent_approval_above: %i', (value, expected) => {
    const { approval: _, ...unapproved } = amount(value)
    expect(one(unapproved)).toBe(expected)
    expect(one(amount(value)), 'approved').toBe('accepted')
  })

  it('an approval that is none, or the taker’s own: where one is needed, and where not nobody looks', async () => {
    const taker = await TestDevice.create()
    const own = await approve(taker, amount(60_000), TAKER)
    for (const approval of [
      utf8('AGENT-7'),
      new Uint8Array(),
      unverified(amount(60_000)).authorization as Uint8Array,
      own,
    ]) {
      const over = { takerId: approval === own ? taker.id : TAKER }
      expect(one(amount(60_000, { approval }), over)).toBe('refused approval_invalid')
      expect(one(amount(50_000, { approval }), over)).toBe('accepted')
    }
    expect(one(amount(60_000), { unapproved: new Set([1]) })).toBe('refused approval_invalid')
    expect(one(amount(60_000), { unapproved: new Set([2]) })).toBe('accepted')
  })

  it.each([
    [-30 * MINUTE - 1000, 'refused approval_invalid'],
    [-30 * MINUTE, 'accepted'],
    [0, 'accepted'],
    [45 * MINUTE, 'accepted'],
    [45 * MINUTE + 1000, 'refused approval_invalid'],
  ])('an approval %i ms before the payment: a quarter of an hour and the skew', (ms, expected) => {
    expect(one(amount(60_000, { approval: unverifiedApproval(NOW - ms) }))).toBe(expected)
  })

  it('one request is good for one payment, in one bundle or in two; a refused payment has used up nothing', () => {
    const approval = unverifiedApproval(NOW)
    const twice = [amount(60_000, { approval }), amount(60_000, { approval, counter: 2 })]
    expect(said(twice, { usedRequests: [] })).toEqual(['accepted', 'refused approval_invalid'])
    const { usedRequests } = judge(twice.slice(0, 1), new Map(), context({ usedRequests: [] }))
    expect(said(twice.slice(1), { usedRequests })).toEqual(['refused approval_invalid'])
    const refused = [amount(100_001, { approval }), amount(60_000, { approval, counter: 2 })]
    expect(said(refused, { usedRequests: [] })).toEqual(['refused limit_exceeded', 'accepted'])
  })

  it('requests are forgotten when no payment that names them could be taken any more', () => {
    const until = 72 * HOUR + 45 * MINUTE
    const used = [NOW - until - 1, NOW - until].map((at, i) => [String(i), at] as const)
    expect(recentRequests(used, POLICY, NOW)).toEqual([['1', NOW - until]])
  })
})

describe('reviews', () => {
  it.each([
    [74_999, 'accepted'],
    [75_000, 'accepted'],
    [75_001, 'review amount_review'],
  ])('require_manual_review_above: %i', (value, expected) => {
    expect(one(amount(value))).toBe(expected)
  })

  it.each([
    [0, 'accepted'],
    [0.1499, 'accepted'],
    [0.15, 'review risk_review'],
    [0.35, 'review risk_review'],
    [0.3501, 'quarantined risk_rejected'],
    [1, 'quarantined risk_rejected'],
  ])('accept_below_score and quarantine_above_score: %d', (riskScore, expected) => {
    expect(one(payment(), { riskScore })).toBe(expected)
  })

  it.each([
    [30 * MINUTE, 'accepted'],
    [30 * MINUTE + 1, 'review time_out_of_range'],
  ])('max_clock_skew_minutes: %i ms from now, or before the time floor', (ms, expected) => {
    expect(one(payment({ initiatedAtMs: NOW + ms }))).toBe(expected)
    const timeFloorMs = NOW - HOUR
    expect(one(payment({ initiatedAtMs: timeFloorMs - ms }), { timeFloorMs })).toBe(expected)
  })

  it('without a time floor anything that is not too old may come', () => {
    expect(one(payment({ initiatedAtMs: NOW - 71 * HOUR }))).toBe('accepted')
  })

  it.each([
    [30 * MINUTE, 'accepted'],
    [30 * MINUTE + 1, 'review time_out_of_range'],
  ])('each payment lifts the time floor for those after it: %i ms back', (ms, expected) => {
    const at = (initiatedAtMs: number) => payment({ initiatedAtMs })
    expect(said([at(NOW - 5 * HOUR), at(NOW - 2 * HOUR), at(NOW - 2 * HOUR - ms)])[2]).toBe(expected)
  })

  it.each([
    ['of the last payments', [NOW - 5 * HOUR, NOW - 2 * HOUR], NOW - 2 * HOUR],
    ['the latest, not the last', [NOW - 2 * HOUR, NOW - 5 * HOUR], NOW - 2 * HOUR],
    ['never ahead of now', [NOW + 20 * MINUTE], NOW],
    ['not by a payment dated ahead, which proves nothing', [NOW - 5 * HOUR, NOW + 31 * MINUTE], NOW - 5 * HOUR],
    ['not down', [NOW - 50 * HOUR], NOW - 9 * HOUR],
  ])('the time floor moves: %s', (_, times, expected) => {
    const known = { policy: POLICY, nowMs: NOW, takerId: TAKER, ownerWallet: 'W-OWNER', paysUntilMs: NOW }
    const context = { ...known, riskScore: undefined }
    const payments = times.map((initiatedAtMs) => payment({ initiatedAtMs }))
    expect(judge(payments, new Map(), { ...context, timeFloorMs: NOW - 9 * HOUR }).timeFloorMs).toBe(expected)
  })

  it('a high risk outweighs a review, and a refusal outweighs both', () => {
    expect(one(amount(80_000), { riskScore: 0.9 })).toBe('quarantined risk_rejected')
    expect(one(amount(100_001), { riskScore: 0.9 })).toBe('refused limit_exceeded')
  })
})

describe('without the word of the debited wallet’s owner', () => {
  const small = (over: Partial<Payment>) =>
    one(payment({ type: 'merchant', sender: 'W-CUSTOMER', receiver: 'W-OWNER', ...over }))

  it('a small sale to the device’s owner is a claim', () => expect(small({})).toBe('claimed'))

  it('what a person looks at, or nobody takes, is no claim yet', () => {
    expect(small({ initiatedAtMs: NOW + HOUR })).toBe('review time_out_of_range')
    expect(small({ initiatedAtMs: NOW - 73 * HOUR })).toBe('refused too_old')
  })

  it.each<[string, Partial<Payment>]>([
    ['into anybody else’s wallet, however small', { receiver: 'W-THIEF', amount: amountMinor(1) }],
    ['between two others', { type: 'p2p', receiver: 'W-B' }],
    ['for cash, however small', { type: 'cashout', amount: amountMinor(1) }],
    ['above the limit', { amount: amountMinor(10_001) }],
  ])('nothing is taken %s', (_, over) => {
    expect(small(over)).toBe('refused payer_not_proven')
    const signed = payment({ type: 'merchant', sender: 'W-CUSTOMER', receiver: 'W-OWNER', ...over })
    expect(one(unverified(signed))).toBe('accepted')
  })
})

describe('days', () => {
  it('a bundle that spans days counts each payment on its own', () => {
    const at = (initiatedAtMs: number) => amount(60_000, { initiatedAtMs })
    const [yesterday, today] = [NOW - DAY, NOW]
    const payments = [...new Array(9).fill(at(yesterday)), ...new Array(9).fill(at(today))]
    const verdicts = said(payments)
    const day = [...new Array(8).fill('accepted'), 'refused limit_exceeded']
    expect(verdicts).toEqual([...day, ...day])
  })

  it.each([
    ['Africa/Dakar', '2026-11-21', '2026-11-22'],
    // Benin is an hour ahead of UTC: its day begins at 23:00.
    ['Africa/Porto-Novo', '2026-11-22', '2026-11-22'],
  ])('in %s an hour before UTC’s midnight is on %s', (timeZone, before, after) => {
    const midnight = Date.UTC(2026, 10, 22)
    expect(calendarDay(midnight - HOUR, timeZone)).toBe(before)
    expect(calendarDay(midnight - HOUR - 1, timeZone)).toBe('2026-11-21')
    expect(calendarDay(midnight, timeZone)).toBe(after)
    const activity = dayHolds(50, 0, before)
    const late = payment({ initiatedAtMs: midnight - HOUR })
    expect(one(late, withPolicy({ timeZone }), activity)).toBe('refused limit_exceeded')
  })

  it('a second before midnight and at midnight are two days', () => {
    const midnight = Date.UTC(2026, 10, 22)
    const full = dayHolds(50, 0, '2026-11-21')
    expect(one(payment({ initiatedAtMs: midnight - SECOND }), {}, full)).toBe('refused limit_exceeded')
    expect(one(payment({ initiatedAtMs: midnight }), {}, full)).toBe('accepted')
  })

  it.each([
    ['an hour', HOUR],
    ['a day', DAY],
    ['a year', 365 * DAY],
  ])('a date %s ahead uses up the day of its arrival, not a fresh one', (_, ahead) => {
    const nowMs = Date.UTC(2026, 10, 22, 23, 30)
    const dated = payment({ initiatedAtMs: nowMs + ahead })
    expect(one(dated, { nowMs }, dayHolds(50, 0, '2026-11-22'))).toBe('refused limit_exceeded')
    const fresh = dayHolds(50, 0, calendarDay(nowMs + ahead, 'Africa/Dakar'))
    expect(one(dated, { nowMs }, fresh)).toBe(ahead > 30 * MINUTE ? 'review time_out_of_range' : 'accepted')
    const { activity } = judge([dated], new Map(), context({ nowMs }))
    expect([...activity]).toEqual([['2026-11-22|XOF', { count: 1, value: 2500 }]])
  })

  it('what is refused counts nothing; what waits for a person counts', () => {
    const { activity } = judge([amount(100_001), amount(80_000), payment()], new Map(), context({}))
    expect([...activity]).toEqual([['2026-11-22|XOF', { count: 2, value: 82_500 }]])
  })

  it('a smaller payment still fits after one that did not', () => {
    expect(said([amount(60_000), amount(60_000), amount(10_000)], {}, dayHolds(1, 430_000))).toEqual([
      'accepted',
      'refused limit_exceeded',
      'accepted',
    ])
  })

  it('what was given is not changed', () => {
    const activity = dayHolds(1, 1)
    said([payment()], {}, activity)
    expect([...activity]).toEqual([['2026-11-22|XOF', { count: 1, value: 1 }]])
  })
})
