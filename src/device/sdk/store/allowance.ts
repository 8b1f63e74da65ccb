import { calendarDay, limitDay } from '../../../protocol/activity.ts'
import { needsApproval } from '../../../protocol/approval.ts'
import { requestOf, type UsedRequests } from '../../../protocol/approval-uses.ts'
import type { DeviceId } from '../../../protocol/ids.ts'
import type { DayTotal, Notice } from '../../../protocol/notice.ts'
import type { Payment } from '../../../protocol/payment.ts'
import type { Policy } from '../../../protocol/policy.ts'
import { judgeOne, type Verdict } from '../../../protocol/rules.ts'
import { DAY_MS } from '../../../protocol/time.ts'
import { OfflineError } from '../errors.ts'
import { syncBefore } from './deadline.ts'
import { blockOf, type DeviceState } from './device-state.ts'
import { type Entry, statusOf } from './entry.ts'

export interface Quota {
  readonly used: number
  readonly max: number
  readonly remaining: number
}

/** What the device may still take today, by the policy it has. Amounts are minor units. */
export interface Limits {
  /** Calendar day in the policy's zone, `YYYY-MM-DD`. */
  readonly day: string
  /** The policy's currency: the only one that is taken. */
  readonly currency: string
  /** Payments of the day. */
  readonly count: Quota
  /** Their amounts, `{ XOF: … }`. */
  readonly amountsByCurrency: Readonly<Record<string, Quota>>
  /** The most that one payment may be, whatever the day holds. */
  readonly maxAmount: number
  /** Amounts that the edge has not acknowledged: more than `max` is not taken before the next sync. */
  readonly unsynced: Quota
  /** The largest payment in `currency` that may still be taken: 0 when the limits allow none, and when a sync is overdue. */
  readonly remaining: number
  /**
   * UTC milliseconds after which nothing is taken until the next sync: too long after the last one, or the oldest payment
   * that waits would get too old.
   */
  readonly syncBeforeMs: number
}

/** Counts what was taken on a day: all but what was voided or refused. */
function activityOn(entries: readonly Entry[], atMs: number, { currency, timeZone }: Policy): DayTotal {
  const day = calendarDay(atMs, timeZone)
  let [count, value] = [0, 0]
  for (const entry of entries) {
    const { payment } = entry
    const status = statusOf(entry)
    if (payment === undefined || status === 'voided' || status === 'refused' || payment.currency !== currency) continue
    // Most are of earlier days, and naming the day of an instant is slow.
    if (atMs - payment.initiatedAtMs > 2 * DAY_MS) continue
    if (limitDay(payment, atMs, timeZone) !== day) continue
    count++
    value += payment.amount
  }
  return { day, count, value }
}

/** What the edge has not acknowledged yet: all without a verified receipt but what was voided. */
function unsyncedValue(entries: readonly Entry[], { currency }: Policy): number {
  let value = 0
  for (const { payment, voided, admitted } of entries) {
    if (admitted === undefined && !voided && payment?.currency === currency) value += payment.amount
  }
  return value
}

/** What a day holds: of this journal, and of one that was lost. */
function todayAt(atMs: number, entries: readonly Entry[], { policy, elsewhere }: DeviceState): DayTotal {
  const here = activityOn(entries, atMs, policy)
  if (elsewhere?.day !== here.day) return here
  return { day: here.day, count: here.count + elsewhere.count, value: here.value + elsewhere.value }
}

/** What the edge has counted of today, less what of it is in this journal. */
export function countedElsewhere(
  { device, missing = [], serverTimeMs }: Notice,
  entries: readonly Entry[],
  policy: Policy,
): DayTotal | undefined {
  if (device === undefined) return undefined
  const { today, nextCounter } = device
  const unseen = new Set(missing)
  const seen = entries.filter(({ counter }) => counter < nextCounter && !unseen.has(counter))
  const here = activityOn(seen, serverTimeMs, policy)
  // The edge still counts by an older policy, in another zone.
  if (here.day !== today.day) return today
  const less = (all: number, part: number) => Math.max(0, all - part)
  return { day: today.day, count: less(today.count, here.count), value: less(today.value, here.value) }
}

/**
 * Judges a payment before it is taken, by the rules of the edge.
 *
 * @returns what the edge is expected to decide: `accepted` or `review`
 * @throws OfflineError `refused` with its reason, `unsynced_limit`, `sync_overdue`, `device_blocked`
 */
export function judgeBeforeTaking(
  payment: Payment,
  entries: readonly Entry[],
  state: DeviceState,
  takerId: DeviceId,
): Verdict {
  const { policy, ownerWallet, paysUntilMs, clock } = state
  const blocked = blockOf(state)
  if (blocked !== undefined) throw new OfflineError('device_blocked', { detail: blocked })
  const nowMs = payment.initiatedAtMs
  if (nowMs > syncBefore(entries, state)) throw new OfflineError('sync_overdue')
  const context = {
    ...{ policy, nowMs, takerId, ownerWallet, paysUntilMs, timeFloorMs: clock.serverMs, riskScore: undefined },
    // Looked for only where it matters: it reads every payment on the device.
    usedRequests: needsApproval(payment, policy) ? usedRequests(entries, takerId, policy) : [],
  }
  const today = todayAt(nowMs, entries, state)
  const verdict = judgeOne(payment, today, context)
  if (verdict.decision === 'refused') {
    throw new OfflineError('refused', verdict.reason === undefined ? {} : { reason: verdict.reason })
  }
  if (unsyncedValue(entries, policy) + payment.amount > policy.maxOfflineValueBetweenSyncs) {
    throw new OfflineError('unsynced_limit', { reason: 'unsynced_limit' })
  }
  return verdict
}

/** What a payment on the device has shown to be approved is approved once, whatever became of it but a void. */
function usedRequests(entries: readonly Entry[], takerId: DeviceId, policy: Policy): UsedRequests {
  return entries.flatMap(({ payment, voided }) => {
    const request = payment && !voided ? requestOf(payment, takerId, policy) : undefined
    return request === undefined ? [] : [request]
  })
}

export function limitsAt(nowMs: number, entries: readonly Entry[], state: DeviceState): Limits {
  const { policy } = state
  const today = todayAt(nowMs, entries, state)
  const count = quota(today.count, policy.maxOfflinePerDevicePerDay)
  const amount = quota(today.value, policy.maxOfflineValuePerDevicePerDay)
  const unsynced = quota(unsyncedValue(entries, policy), policy.maxOfflineValueBetweenSyncs)
  const syncBeforeMs = syncBefore(entries, state)
  const takes = policy.enabled && count.remaining > 0 && nowMs <= syncBeforeMs
  return {
    day: today.day,
    currency: policy.currency,
    count,
    amountsByCurrency: { [policy.currency]: amount },
    maxAmount: policy.maxOfflineAmount,
    unsynced,
    remaining: takes ? Math.min(amount.remaining, unsynced.remaining, policy.maxOfflineAmount) : 0,
    syncBeforeMs,
  }
}

const quota = (used: number, max: number): Quota => ({ used, max, remaining: Math.max(0, max - used) })
