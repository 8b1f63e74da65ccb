import type { SyncReport } from './sync.ts'
import { PARKED_RETRY_MS } from './sync.ts'
import type { Timers } from './transport.ts'

const BACKOFF_BASE_MS = 2_000
const BACKOFF_MAX_MS = 300_000
/** With nothing under way there is only news of policies and keys to hear. */
const IDLE_MS = 900_000

/**
 * How long to wait before the next attempt: exponential with full jitter, so that devices that lost the same network do
 * not come back together.
 *
 * @param failures in a row, 1 or more
 * @param random uniform in [0, 1)
 */
function fullJitter(failures: number, random: number): number {
  return Math.floor(random * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** (failures - 1)))
}

export interface ScheduleOptions {
  readonly timers: Timers
  readonly monotonicMs: () => number
  readonly randomBytes: (length: number) => Uint8Array
  readonly syncEveryMs: number
  /** Must not throw. */
  readonly run: () => void
}

/** Decides when the next automatic sync is due; one timer at a time. */
export class Schedule {
  readonly #options: ScheduleOptions
  #timer: unknown
  #dueMs = Number.POSITIVE_INFINITY
  #failures = 0
  /** What the server asked for: nothing shortens it. */
  #notBeforeMs = 0

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  /** After a sync. @param open whether payments wait for acknowledgement or outcome */
  after(report: Pick<SyncReport, 'status' | 'retryAfterMs'>, open: boolean): void {
    this.#failures = report.status === 'retry_later' ? this.#failures + 1 : 0
    this.#notBeforeMs = this.#options.monotonicMs() + (report.retryAfterMs ?? 0)
    this.#arm(this.#delayAfter(report.status, open))
  }

  /** After a payment was taken; a failing network keeps its backoff. */
  soon(delayMs: number): void {
    if (this.#failures === 0) this.#arm(delayMs)
  }

  /** The network may be back: earlier than the backoff says, and all devices that hear of it not at once. */
  sooner(): void {
    const delayMs = fullJitter(1, this.#random())
    if (this.#options.monotonicMs() + delayMs < this.#dueMs) this.#arm(delayMs)
  }

  /** Whether the server lets us try now. */
  get mayRunNow(): boolean {
    return this.#options.monotonicMs() >= this.#notBeforeMs
  }

  stop(): void {
    if (this.#timer !== undefined) this.#options.timers.clear(this.#timer)
    this.#timer = undefined
    this.#dueMs = Number.POSITIVE_INFINITY
  }

  #delayAfter(status: SyncReport['status'], open: boolean): number {
    switch (status) {
      case 'done':
        return open ? this.#options.syncEveryMs : IDLE_MS
      case 'stopped':
        return PARKED_RETRY_MS
      case 'retry_later':
        return fullJitter(this.#failures, this.#random())
    }
  }

  #arm(wantedMs: number): void {
    this.stop()
    const nowMs = this.#options.monotonicMs()
    const delayMs = Math.max(wantedMs, this.#notBeforeMs - nowMs)
    this.#dueMs = nowMs + delayMs
    this.#timer = this.#options.timers.set(() => {
      this.#timer = undefined
      this.#dueMs = Number.POSITIVE_INFINITY
      this.#options.run()
    }, delayMs)
  }

  #random(): number {
    return new DataView(this.#options.randomBytes(4).slice().buffer).getUint32(0) / 2 ** 32
  }
}
