import { type Activity, calendarDay } from '../protocol/activity.ts'
import type { Payment } from '../protocol/payment.ts'
import type { Policy } from '../protocol/policy.ts'
import { decisionFor, type Receipt } from '../protocol/receipt.ts'
import { judge } from '../protocol/rules.ts'
import type { Decision } from '../protocol/states.ts'

/**
 * What a policy would have decided about payments that were decided by another: the same rules, over the bundles of one
 * device in the order of their arrival. Pure.
 */
export interface PastBundle {
  readonly receivedAtMs: number
  readonly riskScore: number
  readonly payments: readonly Payment[]
  readonly receipt: Receipt
}

/** Payments by what was decided, what would have been, and why. */
export type Comparison = ReadonlyMap<string, { readonly count: number; readonly amount: number }>
const comparisonKey = (was: Decision, would: Decision, reason = ''): string => `${was} ${would} ${reason}`

/** The device whose payments they are. */
export interface PastDevice {
  readonly ownerWallet: string
  readonly registeredAtMs: number
}

/** @param fromMs bundles before it only fill the day that it lies in */
export function judgeAgain(
  policy: Policy,
  { ownerWallet, registeredAtMs }: PastDevice,
  bundles: readonly PastBundle[],
  fromMs: number,
): Comparison {
  const compared = new Map<string, { count: number; amount: number }>()
  let activity: Activity = new Map()
  let timeFloorMs: number | undefined = registeredAtMs
  for (const { receivedAtMs, riskScore, payments, receipt } of bundles) {
    // A copy of a payment was decided by the bundle that came first.
    const own = payments.filter(({ counter }) => decisionFor(receipt, counter).reason !== 'duplicate')
    const context = { policy, nowMs: receivedAtMs, ownerWallet, timeFloorMs, riskScore }
    const judged = judge(own, activity, context)
    const oldest = calendarDay(receivedAtMs - (policy.maxBundleAgeHours + 48) * 3_600_000, policy.timeZone)
    activity = new Map([...judged.activity].filter(([day]) => day.slice(0, 10) >= oldest))
    timeFloorMs = judged.timeFloorMs
    if (receivedAtMs < fromMs) continue
    own.forEach(({ counter, amount }, index) => {
      const verdict = judged.verdicts[index]
      if (verdict === undefined) throw new Error('a payment without a verdict')
      const key = comparisonKey(decisionFor(receipt, counter).decision, verdict.decision, verdict.reason)
      const before = compared.get(key) ?? { count: 0, amount: 0 }
      compared.set(key, { count: before.count + 1, amount: before.amount + amount })
    })
  }
  return compared
}
