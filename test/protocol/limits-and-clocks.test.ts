import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { signedNow } from '../../src/edge/ingest/clock.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { judge } from '../../src/protocol/rules.ts'
import { addUnsynced } from '../../src/protocol/unsynced.ts'
import { POLICY } from '../risk/kit.ts'

/**
 * Every limit of a policy at, under and over, as the edge counts it, from every clock that a device may have. Whatever the
 * clock, no limit is wider for it: what is dated into another day finds that day's own limit, and what is dated ahead finds
 * the day on which it arrives.
 */
const NOON = Date.UTC(2026, 10, 22, 12)
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000]
const RULES: Policy = { ...POLICY, enabled: true, allowedMethods: ['wallet'], timeZone: 'Africa/Dakar' }

/** There is consent for the device, at all times. */
const BY_CONSENT = { takerId: deviceId('POS-1'), ownerWallet: 'W-OWNER', paysUntilMs: Number.MAX_SAFE_INTEGER }

/** What the device's clock adds, and when the payment arrives; it was taken at noon. */
const CLOCKS = {
  right: { offMs: 0, arrivesAtMs: NOON + MINUTE },
  behind: { offMs: -DAY, arrivesAtMs: NOON + MINUTE },
  ahead: { offMs: DAY, arrivesAtMs: NOON + MINUTE },
  nextDay: { offMs: 0, arrivesAtMs: NOON + DAY },
} as const
type Clock = keyof typeof CLOCKS
const ALL = Object.keys(CLOCKS) as Clock[]

interface Step {
  readonly amount?: number
  readonly over?: Partial<Payment>
  readonly policy?: Partial<Policy>
  /** How much later than that it arrives. */
  readonly laterMs?: number
  /** What the device took before, by any clock, and the edge has. */
  readonly before?: readonly { readonly datedMs: number; readonly amount: number; readonly arrivesAtMs?: number }[]
}

const payment = (initiatedAtMs: number, amount: number, over: Partial<Payment> = {}): Payment => ({
  ...{ counter: 1, type: 'p2p', method: 'wallet', currency: currency('XOF'), sender: 'W-OWNER', receiver: 'W-B' },
  ...{ amount: amountMinor(amount), initiatedAtMs, ...over },
})

function said(clock: Clock, { amount = 1_000, over, policy = {}, laterMs = 0, before = [] }: Step): string {
  const { offMs } = CLOCKS[clock]
  const arrivesAtMs = CLOCKS[clock].arrivesAtMs + laterMs
  const rules = { ...RULES, ...policy }
  const context = { policy: rules, ...BY_CONSENT, timeFloorMs: undefined, riskScore: 0 }
  let judged = judge([], new Map(), { ...context, nowMs: arrivesAtMs, unsynced: [] })
  for (const one of before) {
    const nowMs = one.arrivesAtMs ?? one.datedMs
    judged = judge([payment(one.datedMs, one.amount)], judged.activity, {
      ...context,
      nowMs,
      unsynced: judged.unsynced,
    })
  }
  const asked = { ...context, nowMs: arrivesAtMs, unsynced: judged.unsynced }
  const [verdict] = judge([payment(NOON + offMs, amount, over)], judged.activity, asked).verdicts
  return verdict === undefined ? 'nothing' : `${verdict.decision} ${verdict.reason ?? ''}`.trim()
}

/** A clock that is a day ahead is looked at by people where nothing forbids the payment. */
const byClock = (expected: string): Record<Clock, string> => ({
  ...{ right: expected, behind: expected, nextDay: expected },
  ahead: expected.startsWith('refused') ? expected : 'review time_out_of_range',
})
const TOO_MUCH = 'refused limit_exceeded'
/** Sums so small that no other limit speaks. */
const small = { requirePayerProofAbove: 1_000, requireAgentApprovalAbove: 2_000, requireManualReviewAbove: 3_000 }
const sale = { sender: 'W-CUSTOMER', receiver: 'W-OWNER', type: 'merchant' } as const

/** Limits of one payment: no clock moves them. */
const OF_A_PAYMENT: readonly (readonly [limit: string, at: number, step: Step, within: string, over: string])[] = [
  ['max_offline_amount', 2_000, { policy: { ...small, maxOfflineAmount: 2_000 } }, 'accepted', TOO_MUCH],
  ['require_payer_proof_above', 1_000, { policy: small, over: sale }, 'claimed', 'refused payer_not_proven'],
  ['require_agent_approval_above', 2_000, { policy: small }, 'accepted', 'refused approval_required'],
  [
    'require_manual_review_above',
    3_000,
    { policy: { ...small, requireAgentApprovalAbove: 9_000 } },
    'accepted',
    'review amount_review',
  ],
]

describe.each(OF_A_PAYMENT)('%s', (_, at, step, within, over) => {
  it.each(ALL)('from a clock that is %s', (clock) => {
    const answers = [at - 1, at, at + 1].map((amount) => said(clock, { ...step, amount }))
    expect(answers).toEqual([within, within, over].map((expected) => byClock(expected)[clock]))
  })
})

/** The day of noon, the day before and the day after, with room for one payment of 1 000 more, or none. */
const full = (datedMs: number, value: number) => [{ datedMs, amount: value }]
const dayOf = (clock: Clock) => (clock === 'behind' ? NOON - DAY - HOUR : NOON - HOUR)
const otherDaysOf = (clock: Clock) =>
  [NOON - DAY - HOUR, NOON - HOUR, NOON + DAY - HOUR].filter((at) => at !== dayOf(clock))

describe('max_offline_value_per_device_per_day', () => {
  const policy = { maxOfflineValuePerDevicePerDay: 50_000 }

  it.each(ALL)(
    'from a clock that is %s: the day that the payment names, and no later one than it arrives on',
    (clock) => {
      const answers = [48_999, 49_000, 49_001].map((value) =>
        said(clock, { policy, before: full(dayOf(clock), value) }),
      )
      expect(answers).toEqual(['accepted', 'accepted', TOO_MUCH].map((expected) => byClock(expected)[clock]))
    },
  )

  it.each(ALL)('from a clock that is %s: other days are others', (clock) => {
    for (const datedMs of otherDaysOf(clock)) {
      expect(said(clock, { policy, before: full(datedMs, 50_000) })).toBe(byClock('accepted')[clock])
    }
  })
})

describe('max_offline_per_device_per_day', () => {
  const policy = { maxOfflinePerDevicePerDay: 3 }
  const taken = (count: number, datedMs: number) => Array.from({ length: count }, () => ({ datedMs, amount: 1 }))

  it.each(ALL)(
    'from a clock that is %s: the day that the payment names, and no later one than it arrives on',
    (clock) => {
      const answers = [1, 2, 3].map((count) => said(clock, { policy, before: taken(count, dayOf(clock)) }))
      expect(answers).toEqual(['accepted', 'accepted', TOO_MUCH].map((expected) => byClock(expected)[clock]))
    },
  )

  it.each(ALL)('from a clock that is %s: other days are others', (clock) => {
    for (const datedMs of otherDaysOf(clock)) {
      expect(said(clock, { policy, before: taken(3, datedMs) })).toBe(byClock('accepted')[clock])
    }
  })

  it('what was dated ahead before has used up the day on which it came', () => {
    const before = [1, 2, 3].map((days) => ({ datedMs: NOON + days * DAY, amount: 1, arrivesAtMs: NOON }))
    expect(ALL.map((clock) => said(clock, { policy, before }))).toEqual([TOO_MUCH, 'accepted', TOO_MUCH, TOO_MUCH])
  })
})

describe('max_offline_value_between_syncs', () => {
  const policy = { maxOfflineValueBetweenSyncs: 50_000 }
  /** A piece of the same backlog, taken an hour before this one by the same clock, and come an hour before it. */
  const piece = (clock: Clock, amount: number) => {
    const { offMs, arrivesAtMs } = CLOCKS[clock]
    return [{ datedMs: Math.min(NOON + offMs, arrivesAtMs) - HOUR, amount, arrivesAtMs: arrivesAtMs + HOUR }]
  }

  it.each(ALL)('from a clock that is %s', (clock) => {
    // A clock that is ahead dates the payment after that arrival: it is not of that backlog, and people look at it.
    const answers = [48_999, 49_000, 49_001].map((value) =>
      said(clock, { policy, laterMs: 2 * HOUR, before: piece(clock, value) }),
    )
    expect(answers).toEqual(
      ['accepted', 'accepted', 'review unsynced_limit'].map((expected) => byClock(expected)[clock]),
    )
  })

  it.each(ALL)('from a clock that is %s: its own arrival counts, whatever it is dated', (clock) => {
    const { offMs, arrivesAtMs } = CLOCKS[clock]
    const value = (amount: number) =>
      addUnsynced([], payment(NOON + offMs, amount), arrivesAtMs, RULES).map((arrival) => arrival.value)
    expect(value(50_001)).toEqual([50_001])
  })
})

/** Limits of time, by how long ago the payment was taken. A clock that is behind reaches them a day sooner. */
describe('max_bundle_age_hours', () => {
  const policy = { maxBundleAgeHours: 72 }
  const aged = (clock: 'right' | 'behind' | 'ahead', agoMs: number) => {
    const { offMs } = CLOCKS[clock]
    const context = { policy: { ...RULES, ...policy }, ...BY_CONSENT, timeFloorMs: undefined, riskScore: 0 }
    const [verdict] = judge([payment(NOON - agoMs + offMs, 1)], new Map(), { ...context, nowMs: NOON }).verdicts
    return verdict?.reason ?? verdict?.decision
  }

  it.each([
    ['right', 72 * HOUR],
    ['behind', 48 * HOUR],
    ['ahead', 96 * HOUR],
  ] as const)('from a clock that is %s', (clock, limitMs) => {
    expect([limitMs - 1, limitMs, limitMs + 1].map((agoMs) => aged(clock, agoMs))).toEqual([
      'accepted',
      'accepted',
      'too_old',
    ])
  })
})

describe('max_clock_skew_minutes and max_relay_hours', () => {
  const header = (offMs: number, relay: boolean) => ({ signedAtMs: NOON + offMs, relay })
  const signed = (offMs: number, relay = false) => signedNow(header(offMs, relay), RULES, NOON)

  it('a signature is of now, as far as the skew', () => {
    const off = [30 * MINUTE - 1, 30 * MINUTE, 30 * MINUTE + 1, DAY]
    expect(off.map((ms) => [signed(ms), signed(-ms)])).toEqual([
      [true, true],
      [true, true],
      [false, false],
      [false, false],
    ])
  })

  it('one to be carried may be as old as relays take, and is no more from the future than any other', () => {
    const off = [24 * HOUR - 1, 24 * HOUR, 24 * HOUR + 1]
    expect(off.map((ms) => signed(-ms, true))).toEqual([true, true, false])
    expect([30 * MINUTE, 30 * MINUTE + 1].map((ms) => signed(ms, true))).toEqual([true, false])
  })
})

/** Where each field of a policy is held at, under and over; a field that is no limit has no bound to be at. */
const HERE = 'here'
const NO_LIMIT = 'is what it is'
const HELD: Readonly<Record<keyof Policy, string>> = {
  ...{ country: NO_LIMIT, version: NO_LIMIT, enabled: NO_LIMIT, currency: NO_LIMIT, timeZone: NO_LIMIT },
  ...{ allowedMethods: NO_LIMIT, maxOfflineAmount: HERE, maxOfflinePerDevicePerDay: HERE },
  ...{ maxOfflineValuePerDevicePerDay: HERE, maxOfflineValueBetweenSyncs: HERE, requirePayerProofAbove: HERE },
  ...{ requireAgentApprovalAbove: HERE, requireManualReviewAbove: HERE, maxBundleAgeHours: HERE },
  ...{ maxClockSkewMinutes: HERE, maxRelayHours: HERE },
  // No clock of a device has a say in these.
  acceptBelowScore: 'test/protocol/rules.test.ts',
  quarantineAboveScore: 'test/protocol/rules.test.ts',
  // The device's own clock, against the last signed time.
  maxDaysSinceSync: 'test/device/sdk/store/deadline.test.ts',
  // Of a wallet over all tills, by the book's clock.
  mandatePaymentMax: 'test/reconciler/settle/mandates.test.ts',
  mandateDayMax: 'test/reconciler/settle/mandates.test.ts',
  // Of a wallet, as the book opens it.
  allowanceMax: 'test/reconciler/settle/allowances.test.ts',
  // Of a person, by the edge's clock.
  personDailyValue: 'test/durable-objects/person/person.workerd.test.ts',
}

it('a new field of the policy is a limit that stands here, or says where it is held', () => {
  expect(Object.keys(HELD).sort()).toEqual(Object.keys(RULES).sort())
  for (const place of Object.values(HELD)) {
    if (place !== HERE && place !== NO_LIMIT) expect(existsSync(place), place).toBe(true)
  }
})
