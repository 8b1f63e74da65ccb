import type { Payment } from './payment.ts'
import type { Policy } from './policy.ts'
import { HOUR_MS, MINUTE_MS } from './time.ts'

/**
 * How much a device had taken before the edge saw any of it: what `max_offline_value_between_syncs` is counted against. A
 * backlog comes in several bundles, so it is counted at each arrival: a payment that comes later and was dated before it had
 * been taken by then, and nobody had seen it. What is dated after an arrival was taken since that sync, and is the next
 * backlog's. A device that says nothing false never has more on it than the limit, so no arrival shows more.
 */
export interface Arrival {
  readonly atMs: number
  /** Minor units: what came then, and what came later and was dated before. Refused payments do not count. */
  readonly value: number
}

/** Oldest first. */
export type Unsynced = readonly Arrival[]

type Dated = Pick<Payment, 'initiatedAtMs' | 'amount'>
type Clock = Pick<Policy, 'maxClockSkewMinutes'>

/** @returns the most that the edge had not seen at any one time, with this payment, which arrives now */
export function unsyncedWith(unsynced: Unsynced, payment: Dated, nowMs: number, policy: Clock): number {
  const counts = countedAt(payment, nowMs, policy)
  let most: number = payment.amount
  for (const { atMs, value } of unsynced) if (counts(atMs)) most = Math.max(most, value + payment.amount)
  return most
}

/** @returns the arrivals with a payment that arrives now */
export function addUnsynced(unsynced: Unsynced, payment: Dated, nowMs: number, policy: Clock): Unsynced {
  const { amount } = payment
  const counts = countedAt(payment, nowMs, policy)
  const after = unsynced.map((arrival) =>
    counts(arrival.atMs) ? { atMs: arrival.atMs, value: arrival.value + amount } : arrival,
  )
  if (unsynced.some(({ atMs }) => atMs === nowMs)) return after
  return [...after, { atMs: nowMs, value: amount }].sort((a, b) => a.atMs - b.atMs)
}

/** Whether it counts at an arrival: at those before which it was taken, and at its own. Less the skew: the device's clock may be behind. */
function countedAt({ initiatedAtMs }: Dated, nowMs: number, policy: Clock): (atMs: number) => boolean {
  const skewMs = policy.maxClockSkewMinutes * MINUTE_MS
  return (atMs) => atMs === nowMs || initiatedAtMs < atMs - skewMs
}

/** Arrivals remembered of a device. */
const ARRIVALS_MAX = 128

/**
 * Drops arrivals that can say nothing any more: those before which no acceptable payment was taken, and those at which no
 * more was unseen than at a later one, because whatever is dated before the one is dated before the other.
 */
export function recentUnsynced(unsynced: Unsynced, policy: Pick<Policy, 'maxBundleAgeHours'>, nowMs: number): Unsynced {
  const oldestMs = nowMs - policy.maxBundleAgeHours * HOUR_MS
  const telling: Arrival[] = []
  for (const arrival of unsynced.toReversed()) {
    if (arrival.atMs > oldestMs && arrival.value > (telling[0]?.value ?? 0)) telling.unshift(arrival)
  }
  const over = telling.length - ARRIVALS_MAX
  const [oldest, newest] = [telling[0], telling[over]]
  if (over <= 0 || oldest === undefined || newest === undefined) return telling
  // Bounded, whatever is sent. The oldest become one at the latest of their times: rather a person looks too often.
  return [{ atMs: newest.atMs, value: oldest.value }, ...telling.slice(over + 1)]
}
