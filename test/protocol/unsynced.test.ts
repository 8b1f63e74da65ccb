import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deviceId } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { judge } from '../../src/protocol/rules.ts'
import { addUnsynced, recentUnsynced, type Unsynced, unsyncedWith } from '../../src/protocol/unsynced.ts'
import { POLICY as DEFAULTS } from '../risk/kit.ts'

/** `max_offline_value_between_syncs`: 750 000 by default. Every other limit is out of the way. */
const NOW = Date.UTC(2026, 10, 22, 12)
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000]
const SKEW = 30 * MINUTE
const POLICY: Policy = {
  ...DEFAULTS,
  ...{ maxOfflineAmount: 10_000_000, maxOfflinePerDevicePerDay: 10_000, maxOfflineValuePerDevicePerDay: 100_000_000 },
  ...{
    requirePayerProofAbove: 10_000_000,
    requireAgentApprovalAbove: 10_000_000,
    requireManualReviewAbove: 10_000_000,
  },
}

/** There is consent for the device. */
const paysUntilMs = Number.MAX_SAFE_INTEGER

interface Piece {
  readonly atMs: number
  readonly payments: readonly (readonly [datedMs: number, amount: number])[]
}

const payment = (initiatedAtMs: number, amount: number): Payment => ({
  ...{ counter: 1, type: 'p2p', method: 'wallet', currency: currency('XOF'), sender: 'W-OWNER', receiver: 'W-B' },
  ...{ amount: amountMinor(amount), initiatedAtMs },
})

/** What is said of each payment, bundle by bundle, as they arrive. */
function brought(pieces: readonly Piece[], policy = POLICY, isPruned = true): readonly (readonly string[])[] {
  let unsynced: Unsynced = []
  return pieces.map(({ atMs, payments }) => {
    const context = {
      policy,
      nowMs: atMs,
      takerId: deviceId('POS-1'),
      ownerWallet: 'W-OWNER',
      paysUntilMs,
      timeFloorMs: undefined,
      riskScore: undefined,
    }
    const all = payments.map(([datedMs, amount]) => payment(datedMs, amount))
    const judged = judge(all, new Map(), { ...context, unsynced })
    unsynced = judged.unsynced ?? []
    if (isPruned) unsynced = recentUnsynced(unsynced, policy, atMs)
    return judged.verdicts.map(({ decision, reason = '' }) => `${decision} ${reason}`.trim())
  })
}
const last = (pieces: readonly Piece[], policy?: Policy) => brought(pieces, policy).at(-1)?.at(-1)

const HELD = 'review unsynced_limit'

describe.each([
  ['a right clock', NOW, 0],
  ['a clock that is a day behind', NOW, DAY],
  ['a right clock, on the next day', NOW + DAY, 0],
  ['a clock that is a day behind, on the next day', NOW + DAY, DAY],
])('what arrives of a device with %s', (_, atMs, behindMs) => {
  const datedMs = NOW - 2 * HOUR - behindMs
  it.each([
    ['under', 149_999, 'accepted'],
    ['at', 150_000, 'accepted'],
    ['over', 150_001, HELD],
  ])('%s the limit in one bundle', (_, amount, expected) => {
    const payments = [600_000, amount].map((one, n) => [datedMs + n * MINUTE, one] as const)
    expect(last([{ atMs, payments }])).toBe(expected)
  })

  it.each([
    ['under', 149_999, 'accepted'],
    ['at', 150_000, 'accepted'],
    ['over', 150_001, HELD],
  ])('%s the limit in three: it is one backlog until all of it has come', (_, amount, expected) => {
    const pieces = [300_000, 300_000, amount].map(
      (one, n): Piece => ({ atMs: atMs + n * SECOND, payments: [[datedMs + n * MINUTE, one]] }),
    )
    expect(last(pieces)).toBe(expected)
  })

  it('what is beyond it waits; what was taken since is another backlog, if its date says so', () => {
    const since = atMs + HOUR
    const said = brought([
      { atMs, payments: [[datedMs, 750_000]] },
      { atMs: atMs + SECOND, payments: [[datedMs, 1]] },
      { atMs: since, payments: [[since - MINUTE - behindMs, 750_000]] },
    ])
    // The SDK counts time from the edge's, so only who counts by another clock is held: looked at, and nothing lost.
    expect(said).toEqual([['accepted'], [HELD], [behindMs === 0 ? 'accepted' : HELD]])
  })
})

describe('a clock that is a day ahead', () => {
  it.each([
    [749_999, 'review time_out_of_range', 'accepted'],
    [750_000, 'review time_out_of_range', HELD],
  ])('dated ahead waits by its time, and uses up the limit all the same: %i', (ahead, waits, next) => {
    const payments = [
      [NOW + DAY, ahead],
      [NOW, 1],
    ] as const
    expect(brought([{ atMs: NOW, payments }])).toEqual([[waits, next]])
  })

  it('within the skew it is a clock that is a little ahead', () => {
    expect(last([{ atMs: NOW, payments: [[NOW + SKEW, 750_000]] }])).toBe('accepted')
    expect(last([{ atMs: NOW, payments: [[NOW + SKEW, 750_001]] }])).toBe(HELD)
  })
})

it.each([
  ['the skew before it', NOW - SKEW, 'accepted'],
  ['a millisecond more', NOW - SKEW - 1, HELD],
])('a payment dated %s an arrival was taken after or before it', (_, datedMs, expected) => {
  const first = { atMs: NOW, payments: [[NOW - HOUR, 750_000]] as const }
  expect(last([first, { atMs: NOW + MINUTE, payments: [[datedMs, 1]] }])).toBe(expected)
})

it('what was refused was not brought; what waits was', () => {
  const policy = { ...POLICY, maxOfflineAmount: 800_000, requireManualReviewAbove: 400_000 }
  const payments = [900_000, 500_000, 200_000, 50_001, 50_000].map((amount) => [NOW - HOUR, amount] as const)
  const said = ['refused limit_exceeded', 'review amount_review', 'accepted', HELD, HELD]
  expect(brought([{ atMs: NOW, payments }], policy)).toEqual([said])
})

it('a bundle that a carrier brings late was taken before all that came since', () => {
  const online = [1, 2, 3].map((n): Piece => ({ atMs: NOW + n * HOUR, payments: [[NOW + n * HOUR - SECOND, 200_000]] }))
  const late = (amount: number): Piece => ({ atMs: NOW + 4 * HOUR, payments: [[NOW, amount]] })
  // Just before the first of them came, only its own and the late one had not been seen.
  expect(last([...online, late(550_000)])).toBe('accepted')
  expect(last([...online, late(550_001)])).toBe(HELD)
})

it('a refusal outweighs it, a high risk too, and without the order of arrivals nothing is said', () => {
  const takerId = deviceId('POS-1')
  const context = { policy: POLICY, nowMs: NOW, takerId, ownerWallet: 'W-OWNER', paysUntilMs, timeFloorMs: undefined }
  const beyond = payment(NOW, 750_001)
  const of = (over: object) => judge([beyond], new Map(), { ...context, riskScore: 0, unsynced: [], ...over }).verdicts
  expect(of({})).toEqual([{ decision: 'review', reason: 'unsynced_limit' }])
  expect(of({ riskScore: 1 })).toEqual([{ decision: 'quarantined', reason: 'risk_rejected' }])
  expect(of({ policy: { ...POLICY, enabled: false } })).toEqual([{ decision: 'refused', reason: 'country_disabled' }])
  expect(of({ unsynced: undefined })).toEqual([{ decision: 'accepted' }])
})

/** Bundles of a device with any clock, in the order of their arrival. */
const pieces = fc
  .array(
    fc.record({
      after: fc.integer({ min: 1, max: 8 * HOUR }),
      payments: fc.array(fc.tuple(fc.integer({ min: -DAY, max: 2 * HOUR }), fc.integer({ min: 1, max: 300_000 })), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
    { maxLength: 12 },
  )
  .map((all) => {
    let atMs = NOW
    return all.map(({ after, payments }): Piece => {
      atMs += after
      return { atMs, payments: payments.map(([ahead, amount]) => [atMs + ahead, amount] as const) }
    })
  })

it('what is dropped could not have said anything', () => {
  fc.assert(fc.property(pieces, (all) => void expect(brought(all)).toEqual(brought(all, POLICY, false))))
})

it('a device that takes no more than the limit before its receipts is never held, however it syncs and whoever carries', () => {
  // Whether each step takes a payment, pushes the oldest that waits, or hears of a receipt.
  const steps = fc.array(
    fc.record({ what: fc.constantFrom('take', 'take', 'push', 'hear'), minutes: fc.integer({ min: 0, max: 90 }) }),
  )
  const device = fc.record({
    steps,
    amounts: fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1 }),
    behind: fc.integer({ min: -SKEW, max: SKEW }),
  })
  fc.assert(
    fc.property(device, ({ steps, amounts, behind }) => {
      let atMs = NOW
      const [waiting, unheard, arrived] = [[] as (readonly [number, number])[], [] as number[], [] as Piece[]]
      for (const [n, { what, minutes }] of steps.entries()) {
        atMs += minutes * MINUTE + 1
        const amount = amounts[n % amounts.length] ?? 1
        const unsynced = [...waiting.map(([, one]) => one), ...unheard].reduce((sum, one) => sum + one, 0)
        if (what === 'take' && unsynced + amount <= POLICY.maxOfflineValueBetweenSyncs)
          waiting.push([atMs - behind, amount])
        if (what === 'push') {
          const oldest = waiting.splice(0, 2)
          unheard.push(...oldest.map(([, one]) => one))
          if (oldest.length > 0) arrived.push({ atMs, payments: oldest })
        }
        if (what === 'hear') unheard.splice(0)
      }
      const reasons = brought(arrived, { ...POLICY, maxBundleAgeHours: 24 * 31 }).flat()
      expect(reasons.filter((said) => said === HELD)).toEqual([])
    }),
  )
})

it('is bounded, and what becomes one arrival is held rather sooner', () => {
  let unsynced: Unsynced = []
  for (let n = 0; n < 1000; n++) {
    unsynced = recentUnsynced(addUnsynced(unsynced, payment(NOW + n, 100_000 - n), NOW + n, POLICY), POLICY, NOW + n)
  }
  expect(unsynced.length).toBe(128)
  const atMs = NOW + HOUR
  expect(unsyncedWith(unsynced, payment(NOW - HOUR, 1), atMs, POLICY)).toBe(100_001)
  expect(unsyncedWith(unsynced, payment(NOW + HOUR, 1), atMs, POLICY)).toBe(1)
})
