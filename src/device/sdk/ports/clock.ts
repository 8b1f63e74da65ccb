import { toHex } from '../../../protocol/bytes.ts'
import { DAY_MS } from '../../../protocol/time.ts'

/** The clocks of the machine. */
export interface ClockSource {
  /** UTC milliseconds; people and flat batteries change it. */
  nowMs(): number
  /** Milliseconds that only grow, from any origin; may stand still while the machine sleeps. */
  monotonicMs(): number
  /** Names the run of `monotonicMs` where it outlives the process: two readings compare when it is the same. 32 hex digits. */
  readonly bootId?: string
}

/** What is kept about time: the last time that the server signed, and the machine's clocks at that moment. */
export interface SavedClock {
  readonly serverMs: number
  /** What the machine's clock must be corrected by. */
  readonly offsetMs: number
  readonly monotonicMs: number
  readonly bootId: string
  /** Payments from this counter on were taken after it. */
  readonly counter: number
}

/** Tells this start of the device from the few before it. */
const BOOT_ID_BYTES = 4

/** A server time that is not signed moves the signing time within these bounds of the last one that was. */
const UNSIGNED_BACK_MAX_MS = DAY_MS
const UNSIGNED_AHEAD_MAX_MS = 366 * DAY_MS

const boundsAround = (knownMs: number) => [knownMs - UNSIGNED_BACK_MAX_MS, knownMs + UNSIGNED_AHEAD_MAX_MS] as const

/**
 * The device's idea of the time: the machine's clock, corrected by what the server last signed, and never less than what
 * is certain. Certain is the server's last signed time, or the last payment's, plus what the monotonic clock counted
 * since. A clock that is set back so gains nothing, until the next signed time puts it right, forwards or backwards.
 */
export class CorrectedClock {
  readonly #source: ClockSource
  readonly #bootId: string
  #saved: SavedClock | undefined
  #certain = { atMs: 0, monotonicMs: 0 }
  #signing: { readonly serverMs: number; readonly monotonicMs: number } | undefined

  constructor(source: ClockSource, randomBytes: (length: number) => Uint8Array) {
    this.#source = source
    this.#bootId = source.bootId ?? toHex(randomBytes(BOOT_ID_BYTES))
  }

  /** UTC milliseconds. */
  nowMs(): number {
    const corrected = this.#source.nowMs() + (this.#saved?.offsetMs ?? 0)
    return Math.floor(Math.max(corrected, this.#certainMs()))
  }

  monotonicMs(): number {
    return this.#source.monotonicMs()
  }

  /**
   * Takes over what was stored, by this run or another. The monotonic clock counts on from there, or from now where it is
   * another one.
   */
  restore(saved: SavedClock, lastPaymentMs: number): void {
    const { serverMs, bootId } = this.#saved ?? {}
    if (serverMs === saved.serverMs && bootId === saved.bootId) {
      this.paymentTaken(lastPaymentMs)
      return
    }
    this.#saved = saved
    const knownMs = saved.serverMs + (this.#sinceServerTime() ?? 0)
    this.#certain = { atMs: Math.max(knownMs, lastPaymentMs), monotonicMs: this.#source.monotonicMs() }
  }

  /** Time does not go back behind a payment. */
  paymentTaken(initiatedAtMs: number): void {
    if (initiatedAtMs <= this.#certainMs()) return
    this.#certain = { atMs: initiatedAtMs, monotonicMs: this.#source.monotonicMs() }
  }

  /**
   * What a signed server time says about the clock.
   *
   * @param roundTripMs of the request that brought it: it was signed about half of that ago
   * @param counter the next payment's
   */
  reading(serverMs: number, roundTripMs: number, counter: number): SavedClock {
    const offsetMs = Math.round(serverMs + roundTripMs / 2 - this.#source.nowMs())
    return { serverMs, offsetMs, monotonicMs: this.#source.monotonicMs(), bootId: this.#bootId, counter }
  }

  /** Takes over a reading, once it is stored. Later payments are no earlier than it; earlier ones may have been wrong. */
  learn(saved: SavedClock): void {
    this.#saved = saved
    this.#certain = { atMs: saved.serverMs, monotonicMs: saved.monotonicMs }
    this.#signing = undefined
  }

  /**
   * Takes the server time of a `clock_skew` answer, which nobody signed: for the time in signatures only, and within
   * bounds.
   *
   * @returns whether it is believed
   */
  learnForSigning(serverMs: number): boolean {
    const known = this.#saved?.serverMs
    if (!Number.isSafeInteger(serverMs) || serverMs <= 0) return false
    // A device that has never seen a signed time has no payments to sign for either: it only proves who it is.
    const [earliest, latest] = known === undefined ? [0, Infinity] : boundsAround(known)
    if (serverMs < earliest || serverMs > latest) return false
    this.#signing = { serverMs, monotonicMs: this.#source.monotonicMs() }
    return true
  }

  /** The time to write into signatures. */
  signingMs(): number {
    const signing = this.#signing
    return signing === undefined
      ? this.nowMs()
      : signing.serverMs + Math.max(0, this.#source.monotonicMs() - signing.monotonicMs)
  }

  /** UTC milliseconds as counted from the server's last signed time on, while the monotonic clock still runs that saw it. */
  countedMs(): number | undefined {
    const since = this.#sinceServerTime()
    return this.#saved === undefined || since === undefined ? undefined : Math.floor(this.#saved.serverMs + since)
  }

  #certainMs(): number {
    const { atMs, monotonicMs } = this.#certain
    return atMs + Math.max(0, this.#source.monotonicMs() - monotonicMs)
  }

  #sinceServerTime(): number | undefined {
    if (this.#saved?.bootId !== this.#bootId) return undefined
    return Math.max(0, this.#source.monotonicMs() - this.#saved.monotonicMs)
  }
}
