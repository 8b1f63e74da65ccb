/** What one push does that is billed, everything that it causes later included. */
export interface Counted {
  readonly perPush: number
  /** The phase of bench/counted that it is from: `load`, or `cold` where a device that comes once an hour meets it each time. */
  readonly phase: 'load' | 'cold'
  /** What each of the reconciler's calls adds, which many pushes share. */
  readonly perCall?: number
}

/**
 * Counted by bench/counted, by its names (the last table of bench/results/edge.md). test/bench/edge.test.ts holds them
 * against what a smoke run counts.
 */
export const COUNTED = {
  'worker.requests': { perPush: 1, perCall: 1, phase: 'load' },
  'log.lines': { perPush: 1, perCall: 1, phase: 'load' },
  'call.identity': { perPush: 1, phase: 'cold' },
  'call.admit': { perPush: 1, phase: 'load' },
  'call.confirm': { perPush: 1, phase: 'load' },
  'sql.rowsWritten': { perPush: 6, phase: 'load' },
  'd1.rowsWritten': { perPush: 4, perCall: 1, phase: 'load' },
  'd1.rowsRead': { perPush: 53, perCall: 36, phase: 'load' },
  'queue.settle.messages': { perPush: 1, phase: 'load' },
} as const satisfies Record<string, Counted>

/** Confirmations of so many pushes come in one call when there is traffic (DEVICES_PER_CALL in reconciler/tell/outcomes.ts). */
export const PUSHES_PER_CALL = 25

/** Processor time: what a push takes whatever is in it, and each payment. */
interface Spent {
  readonly perPushMs: number
  readonly perPaymentMs: number
}

/** Measured by bench:edge and bench:ledger (bench/results): workerd's whole processor time, which is more than is billed. */
export const EDGE_CPU: Spent = { perPushMs: 3.55, perPaymentMs: 0.001 }
export const POSTGRES_CPU: Spent = { perPushMs: 0, perPaymentMs: 0.036 }

/** Assumed: the reconciler verifies two signatures and opens the seal again, and reads and writes what stands around it. */
export const RECONCILER_CPU: Spent = { perPushMs: 2, perPaymentMs: 0.02 }

/** Assumed: how long a call keeps an object active. A write is confirmed by other machines before an answer leaves. */
export const OBJECT_CALL_MS = 20
/** An object is billed for its 128 MB. */
export const OBJECT_GB = 0.128
/**
 * How long an object waits with a timer after a push, until the confirmation takes the timer back. It cannot hibernate
 * meanwhile, and is billed for the wait.
 */
export const OBJECT_TIMER_MS = 250
/** A device that pushes less often than its object's watch has the alarm set with each push; the alarm finds nothing. */
export const ALARMS_PER_PUSH = 1
