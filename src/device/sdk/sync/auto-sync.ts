import type { Hint, Hints } from '../ports/contexts.ts'
import { Schedule, type ScheduleOptions } from './schedule.ts'
import type { SyncReport } from './sync.ts'

/** Milliseconds between taking a payment and the sync that it causes: payments close together go together. */
const SYNC_SOON_MS = 1_000

export interface AutoSyncOptions extends Omit<ScheduleOptions, 'run'> {
  readonly enabled: boolean
  readonly hints: Hints | undefined
  /** Runs a sync that nobody asked for. Must not throw. */
  readonly sync: () => void
  /** Reads what other contexts wrote. Must not throw. */
  readonly refresh: () => void
  readonly unsynced: () => number | 'unknown'
  /** Hears that the platform has no network. Must not throw. */
  readonly lost: () => void
}

/** When the device syncs by itself: on a timer, after payments, and when the platform hints that it may be worth it. */
export class AutoSync {
  readonly #options: AutoSyncOptions
  readonly #schedule: Schedule
  #reached = false
  #hintedOffline = false
  #unsubscribe: (() => void) | undefined

  constructor(options: AutoSyncOptions) {
    this.#options = options
    this.#schedule = new Schedule({ ...options, run: options.sync })
  }

  /** May be called again. */
  start(): void {
    this.#unsubscribe ??= this.#options.hints?.((hint) => this.#hear(hint))
    if (this.#options.enabled) this.#schedule.soon(0)
  }

  stop(): void {
    this.#schedule.stop()
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }

  afterPayment(): void {
    if (this.#options.enabled) this.#schedule.soon(SYNC_SOON_MS)
  }

  /** @param open whether payments wait for acknowledgement or outcome */
  afterSync(report: Pick<SyncReport, 'status' | 'retryAfterMs'>, open: boolean): void {
    this.#reached = report.status === 'done'
    if (this.#options.enabled) this.#schedule.after(report, open)
  }

  /** Whether it is worth a payer's time to try at once. */
  get seemsOnline(): boolean {
    return this.#reached && !this.#hintedOffline && this.#schedule.mayRunNow
  }

  #hear(hint: Hint): void {
    if (hint === 'online' || hint === 'offline') this.#hintedOffline = hint === 'offline'
    if (hint === 'offline') this.#options.lost()
    if (hint === 'visible') this.#options.refresh()
    if (!this.#options.enabled) return
    if (hint === 'online' || hint === 'visible') this.#schedule.sooner()
    if (hint === 'hidden' && this.#options.unsynced() !== 0 && this.#schedule.mayRunNow) this.#options.sync()
  }
}
