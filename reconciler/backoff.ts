import { MINUTE_MS } from '../src/protocol/time.ts'

/**
 * Pauses between attempts: they double up to a limit. Half of each is jitter, so that what failed together does not come
 * back together.
 */
export interface Backoff {
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * No pause and no lease is longer. What is due later than that was put off by a clock that was wrong, and is due now:
 * who works on it is decided by locks in the book, not by the lease.
 */
export const PAUSE_MAX_MS = 10 * MINUTE_MS

/** As long again as it has waited, so that pauses double while nothing but the time is counted. */
export function waitingMs({ firstMs, maxMs }: Backoff, waitedMs: number, random: number): number {
  return Math.round(Math.min(Math.max(waitedMs, firstMs), maxMs) * (0.5 + random / 2))
}

/** @param attempt 1 for the first failure. @param random 0 … 1 */
export function backoffMs({ firstMs, maxMs }: Backoff, attempt: number, random: number): number {
  const pause = Math.min(firstMs * 2 ** Math.min(attempt - 1, 30), maxMs)
  return Math.round(pause * (0.5 + random / 2))
}
