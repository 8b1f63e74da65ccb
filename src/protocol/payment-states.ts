import type { PaymentStatus } from './states.ts'

/** `[counter, status, reason?]`; voided counters are left out. */
export type PaymentState = readonly [counter: number, status: PaymentStatus, reason?: string]

/** Neighbours that fare alike, as they are kept and shown: a usual bundle is one entry. */
export type Run = readonly [first: number, last: number, status: PaymentStatus, reason?: string]

/**
 * @example
 * runsOf([[1, 'succeeded'], [2, 'succeeded'], [4, 'failed', 'unknown_wallet']])
 * // [[1, 2, 'succeeded'], [4, 4, 'failed', 'unknown_wallet']]
 */
export function runsOf(payments: readonly PaymentState[]): Run[] {
  const runs: [number, number, PaymentStatus, string?][] = []
  for (const [counter, status, reason] of payments) {
    const run = runs.at(-1)
    if (run !== undefined && run[1] + 1 === counter && run[2] === status && run[3] === reason) run[1] = counter
    else runs.push(reason === undefined ? [counter, counter, status] : [counter, counter, status, reason])
  }
  return runs
}

export function statesOf(runs: readonly Run[]): PaymentState[] {
  const states: PaymentState[] = []
  for (const [first, last, status, reason] of runs) {
    for (let counter = first; counter <= last; counter++) {
      states.push(reason === undefined ? [counter, status] : [counter, status, reason])
    }
  }
  return states
}
