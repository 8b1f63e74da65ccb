/**
 * A circuit breaker: a dependency that is known to be down or slow costs nothing until it is well again.
 *
 *   closed → (failures in a row, or too many of the last ones) → open → (cooldown) → half open: one probe
 *   → closed when it succeeds, open again and for longer when it fails
 */
export type BreakerState = 'closed' | 'open' | 'half_open'

export interface BreakerSettings {
  /** A dependency that is down is known after this many calls. */
  readonly failuresInARow: number
  /** One that fails now and then is known when `failuresInWindow` of the last `window` calls failed. */
  readonly window: number
  readonly failuresInWindow: number
  /** The first pause; doubled by every probe that fails, up to the longest. */
  readonly cooldownMs: number
  readonly cooldownMaxMs: number
  /** A probe that never reports, because its request was cancelled under it, is given up after this. */
  readonly probeMaxMs: number
}

export const BREAKER_DEFAULTS: BreakerSettings = {
  failuresInARow: 5,
  window: 20,
  failuresInWindow: 10,
  cooldownMs: 5_000,
  cooldownMaxMs: 60_000,
  probeMaxMs: 10_000,
}

/** Leave for one call. Its report counts only while the state it was given in lasts. */
export interface Permit {
  readonly generation: number
}

/** Share of a cooldown that is random, so that a thousand isolates do not probe in the same instant. */
const JITTER = 0.5

export class Breaker {
  readonly #settings: BreakerSettings
  readonly #nowMs: () => number
  readonly #random: () => number
  #generation = 0
  /** Outcomes of the last calls, true for a failure. */
  #recent: boolean[] = []
  #inARow = 0
  /** Times it opened since it was last closed. */
  #openings = 0
  #pause: { readonly sinceMs: number; readonly lengthMs: number } | undefined
  #probing = false

  /** @param random 0 ≤ x < 1 */
  constructor(nowMs: () => number, random: () => number, settings = BREAKER_DEFAULTS) {
    this.#nowMs = nowMs
    this.#random = random
    this.#settings = settings
  }

  get state(): BreakerState {
    if (this.#pause === undefined) return 'closed'
    return this.#probing || !this.#pausing() ? 'half_open' : 'open'
  }

  /** @returns leave for a call, whose outcome must be reported; undefined when none may be made */
  enter(): Permit | undefined {
    if (this.#pause === undefined) return { generation: this.#generation }
    if (this.#pausing()) return undefined
    this.#probing = true
    // The probe's own time limit is a pause like any other: until it is over nobody else may try.
    this.#pause = { sinceMs: this.#nowMs(), lengthMs: this.#settings.probeMaxMs }
    return { generation: ++this.#generation }
  }

  report({ generation }: Permit, succeeded: boolean): void {
    // Calls that began before it opened, and probes that were given up, say nothing about now.
    if (generation !== this.#generation) return
    if (this.#probing) {
      if (succeeded) this.#close()
      else this.#open()
      return
    }
    this.#recent = [...this.#recent, !succeeded].slice(-this.#settings.window)
    this.#inARow = succeeded ? 0 : this.#inARow + 1
    const failed = this.#recent.filter((failure) => failure).length
    if (this.#inARow >= this.#settings.failuresInARow || failed >= this.#settings.failuresInWindow) this.#open()
  }

  #pausing(): boolean {
    if (this.#pause === undefined) return false
    const elapsed = this.#nowMs() - this.#pause.sinceMs
    // A clock that was set back must not keep it open for as long as that.
    return elapsed >= 0 && elapsed < this.#pause.lengthMs
  }

  #open(): void {
    const { cooldownMs, cooldownMaxMs } = this.#settings
    const longest = Math.min(cooldownMaxMs, cooldownMs * 2 ** this.#openings)
    this.#pause = { sinceMs: this.#nowMs(), lengthMs: longest * (1 - JITTER * this.#random()) }
    this.#openings++
    this.#probing = false
    this.#generation++
  }

  #close(): void {
    this.#pause = undefined
    this.#probing = false
    this.#openings = 0
    this.#inARow = 0
    this.#recent = []
    this.#generation++
  }
}
