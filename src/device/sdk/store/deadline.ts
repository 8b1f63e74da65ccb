import type { Policy } from '../../../protocol/policy.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../protocol/time.ts'
import type { DeviceState } from './device-state.ts'
import type { Entry } from './entry.ts'

/** How long before the deadline people are told. */
const NOTICE_MS = DAY_MS

/** `soon`: a sync is due within a day. `overdue`: nothing is taken until there was one. */
export type SyncDue = 'soon' | 'overdue'

/**
 * UTC milliseconds after which the edge refuses one of these payments as too old, by its clock or by ours: they differ by
 * the skew at the most. Infinity without payments.
 */
export function tooOldAfter(entries: readonly Entry[], policy: Policy): number {
  const made = entries.map(({ payment, voided }) => (voided ? undefined : payment?.initiatedAtMs) ?? Infinity)
  return Math.min(...made) + keptMs(policy)
}

/**
 * UTC milliseconds after which nothing is taken until the next sync: the last contact is then too long ago, or a payment
 * that waits is about to get too old. One that is taken later would wait behind it.
 */
export function syncBefore(entries: readonly Entry[], { clock, policy }: DeviceState): number {
  const unsent = entries.filter(({ admitted }) => admitted === undefined)
  return Math.min(clock.serverMs + policy.maxDaysSinceSync * DAY_MS, tooOldAfter(unsent, policy))
}

export function syncDueAt(nowMs: number, entries: readonly Entry[], state: DeviceState): SyncDue | undefined {
  const leftMs = syncBefore(entries, state) - nowMs
  if (leftMs < 0) return 'overdue'
  const spanMs = Math.min(state.policy.maxDaysSinceSync * DAY_MS, keptMs(state.policy))
  // A policy of a day or two would have it due all the time.
  return leftMs <= Math.min(NOTICE_MS, spanMs / 2) ? 'soon' : undefined
}

const keptMs = ({ maxBundleAgeHours, maxClockSkewMinutes }: Policy): number =>
  Math.max(0, maxBundleAgeHours * HOUR_MS - maxClockSkewMinutes * MINUTE_MS)
