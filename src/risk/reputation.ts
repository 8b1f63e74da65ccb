import type { Outcome } from '../protocol/notice.ts'
import type { PaymentStatus } from '../protocol/states.ts'
import { DAY_MS } from '../protocol/time.ts'
import { CONFLICTS_MAX } from './limits.ts'

/**
 * What a device's payments came to, as one number; kept in the Device Object, which stores with the outcomes how
 * they move it. Trust is earned slowly, lost fast, and both are forgotten: half of the way to neutral in 30 days.
 */
export interface Reputation {
  /** 0 is the worst, 1 the best. */
  readonly value: number
  readonly atMs: number
  /** When the device contradicted itself; the last few. */
  readonly conflictsAtMs: readonly number[]
}

export const REPUTATION_EVENTS = [
  'succeeded',
  'insufficient_funds',
  'reversed',
  'risk_rejected',
  'conflict',
  'fork',
] as const
export type ReputationEvent = (typeof REPUTATION_EVENTS)[number]

export const NEUTRAL = 0.5
const HALF_LIFE_MS = 30 * DAY_MS

/** Share of the way to the best. Back from a fork to neutral takes 470 payments: ten full days of a till. */
const GAIN = 0.001

/** Share that is lost, in the order of how much the device has to do with it. */
const LOSS: Record<Exclude<ReputationEvent, 'succeeded'>, number> = {
  // The payer's lack of money; it hurts whoever takes many such payments.
  insufficient_funds: 0.03,
  // A payment that somebody had to undo.
  reversed: 0.1,
  // A person or SIRA said no.
  risk_rejected: 0.15,
  // Two signed stories: a clone, or a device restored from a copy.
  conflict: 0.3,
  // The same, in the chain: it is suspended too, and comes back with this name.
  fork: 0.6,
}

const CONFLICT_RECENT_MS = 30 * DAY_MS

export function newReputation(nowMs: number): Reputation {
  return { value: NEUTRAL, atMs: nowMs, conflictsAtMs: [] }
}

/** The value as it stands now. Time that went back is no time. */
export function reputationAt({ value, atMs }: Reputation, nowMs: number): number {
  const elapsedMs = Math.max(0, nowMs - atMs)
  return NEUTRAL + (value - NEUTRAL) * 2 ** (-elapsedMs / HALF_LIFE_MS)
}

/** @param times how often it happened */
export function moved(reputation: Reputation, event: ReputationEvent, nowMs: number, times = 1): Reputation {
  const before = reputationAt(reputation, nowMs)
  const value = event === 'succeeded' ? 1 - (1 - before) * (1 - GAIN) ** times : before * (1 - LOSS[event]) ** times
  const contradiction = event === 'conflict' || event === 'fork'
  const conflictsAtMs = contradiction
    ? [...reputation.conflictsAtMs, nowMs].slice(-CONFLICTS_MAX)
    : reputation.conflictsAtMs
  return { value, atMs: Math.max(reputation.atMs, nowMs), conflictsAtMs }
}

/** What an outcome says about the device, or undefined when it says nothing. */
export function eventOf({ status, reason }: Pick<Outcome, 'status' | 'reason'>): ReputationEvent | undefined {
  const final: Partial<Record<PaymentStatus, true>> = { failed: true, refused: true }
  if (status === 'succeeded' || status === 'reversed') return status
  if (final[status] === undefined) return undefined
  if (reason === 'insufficient_funds') return 'insufficient_funds'
  return reason === 'risk_rejected' || reason === 'reviewer_rejected' ? 'risk_rejected' : undefined
}

/** How often something happened that says something about the device. */
export type EventCounts = { readonly [Event in ReputationEvent]?: number }

/** Of outcomes as the Device Object applies them: only payments whose status really changed, so that repeats do not count. */
export function eventsOf(news: readonly Pick<Outcome, 'status' | 'reason'>[]): EventCounts {
  const counts: { [Event in ReputationEvent]?: number } = {}
  for (const outcome of news) {
    const event = eventOf(outcome)
    if (event !== undefined) counts[event] = (counts[event] ?? 0) + 1
  }
  return counts
}

/** What came at one time has no order of its own: it counts in that of the events' list. */
export function withEvents(reputation: Reputation, counts: EventCounts, nowMs: number): Reputation {
  return REPUTATION_EVENTS.reduce((current, event) => {
    const times = counts[event] ?? 0
    return times === 0 ? current : moved(current, event, nowMs, times)
  }, reputation)
}

export const withOutcomes = (
  reputation: Reputation,
  news: readonly Pick<Outcome, 'status' | 'reason'>[],
  nowMs: number,
): Reputation => withEvents(reputation, eventsOf(news), nowMs)

export function recentConflicts({ conflictsAtMs }: Reputation, nowMs: number): number {
  return conflictsAtMs.filter((atMs) => nowMs - atMs <= CONFLICT_RECENT_MS).length
}
