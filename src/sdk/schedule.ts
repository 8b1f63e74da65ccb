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
  readonly randomBytes: (length: number) => Uint8Array
  readonly syncEveryMs: number
  /** Must not throw. */
  readonly run: () => void
}

/** Decides when the next automatic sync is due; one timer at a time. */
export class Schedule {
  readonly #options: ScheduleOptions
  #timer: unknown
  #failures = 0

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  /** After a sync. @param open whether payments wait for acknowledgement or outcome */
  after(report: Pick<SyncReport, 'status' | 'retryAfterMs'>, open: boolean): void {
    this.#failures = report.status === 'retry_later' ? this.#failures + 1 : 0
    this.#arm(this.#delayAfter(report, open))
  }

  /** After a payment was taken; a failing network keeps its backoff. */
  soon(delayMs: number): void {
    if (this.#failures === 0) this.#arm(delayMs)
  }

  stop(): void {
    if (this.#timer !== undefined) this.#options.timers.clear(this.#timer)
    this.#timer = undefined
  }

  #delayAfter({ status, retryAfterMs = 0 }: Pick<SyncReport, 'status' | 'retryAfterMs'>, open: boolean): number {
    switch (status) {
      case 'done':
        return open ? this.#options.syncEveryMs : IDLE_MS
      case 'stopped':
        return PARKED_RETRY_MS
      case 'retry_later':
        return Math.max(retryAfterMs, fullJitter(this.#failures, this.#random()))
    }
  }

  #arm(delayMs: number): void {
    this.stop()
    this.#timer = this.#options.timers.set(() => {
      this.#timer = undefined
      this.#options.run()
    }, delayMs)
  }

  #random(): number {
    return new DataView(this.#options.randomBytes(4).slice().buffer).getUint32(0) / 2 ** 32
  }
}
