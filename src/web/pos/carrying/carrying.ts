import { broadcastChannel, browserHints } from '../../../device/browser/index.ts'
import type { BundleCarrier, CarriedBundle, NotCarried } from '../../../device/relay/index.ts'
import { OfflineError } from '../../../device/sdk/index.ts'
import { Schedule } from '../../../device/sdk/sync/schedule.ts'
import type { Result } from '../../../protocol/result.ts'

/** What the screens show of what is carried for other tills. */
export interface CarryingState {
  /** The newest first. */
  readonly carried: readonly CarriedBundle[]
  readonly isSending: boolean
  /** The memory of this phone cannot be read or written. */
  readonly error: OfflineError | undefined
}

interface CarryingOptions {
  readonly carrier: BundleCarrier
  /** Milliseconds between two attempts that reach the edge. */
  readonly everyMs: number
  /** Something waits now: the browser may be asked to wake the service worker when there is a network. */
  readonly onWaiting: () => void
}

/**
 * Pushes what is carried for other tills: at once, when there may be a network again, and with a growing pause for as long
 * as something waits. None of it is this till's money: it is in no total, and the till takes payments without it.
 */
export class Carrying {
  readonly #options: CarryingOptions
  readonly #schedule: Schedule
  readonly #channel = broadcastChannel('molam/relay')
  readonly #listeners = new Set<() => void>()
  #state: CarryingState = { carried: [], isSending: false, error: undefined }

  constructor(options: CarryingOptions) {
    this.#options = options
    this.#schedule = new Schedule({
      timers: { set: (run, delayMs) => setTimeout(run, delayMs), clear: (timer) => clearTimeout(timer as number) },
      monotonicMs: () => performance.now(),
      randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
      syncEveryMs: options.everyMs,
      run: () => void this.#push(),
    })
    // Another tab scanned one, or has its answer. It pushes by itself: this one does it in case that tab is closed.
    this.#channel.subscribe(() => void this.#look().then(() => this.#waits && this.#schedule.soon(options.everyMs)))
    browserHints((hint) => {
      if (hint === 'online' || hint === 'visible') this.wake()
    })
    void this.#look().then(() => this.wake())
  }

  get state(): CarryingState {
    return this.#state
  }

  readonly subscribe = (changed: () => void): (() => void) => {
    this.#listeners.add(changed)
    return () => this.#listeners.delete(changed)
  }

  /**
   * Takes a scanned bundle over, and pushes it. It is on disk when this returns.
   *
   * @throws OfflineError `storage_failed`
   */
  async carry(bytes: Uint8Array): Promise<Result<CarriedBundle, NotCarried>> {
    const result = await this.#options.carrier.carry(bytes)
    if (!result.ok) return result
    this.#channel.post()
    await this.#look()
    if (result.value.state.status === 'waiting') {
      this.#options.onWaiting()
      void this.push()
    }
    return result
  }

  /** @throws OfflineError `storage_failed` */
  async forget(id: string): Promise<void> {
    await this.#options.carrier.forget(id)
    this.#channel.post()
    await this.#look()
  }

  /** Pushes what waits, now, unless the server asked to wait. No network is a normal day. */
  async push(): Promise<void> {
    if (this.#schedule.mayRunNow) await this.#push()
  }

  async #push(): Promise<void> {
    if (this.#state.isSending || !this.#waits) return
    this.#set({ isSending: true })
    try {
      const { delivered, refused, waiting, retryAfterMs } = await this.#options.carrier.pushCarried()
      const status = waiting > 0 && delivered + refused === 0 ? 'retry_later' : 'done'
      this.#schedule.after({ status, ...(retryAfterMs !== undefined && { retryAfterMs }) }, waiting > 0)
      if (status === 'done') this.#channel.post()
    } catch (error) {
      this.#schedule.after({ status: 'retry_later' }, true)
      this.#fail(error)
    } finally {
      this.#set({ isSending: false })
      await this.#look()
    }
  }

  /** There may be a network: what waits is pushed soon. */
  wake(): void {
    if (this.#waits) this.#schedule.sooner()
  }

  get #waits(): boolean {
    return this.#state.carried.some(({ state }) => state.status === 'waiting')
  }

  async #look(): Promise<void> {
    try {
      this.#set({ carried: [...(await this.#options.carrier.list())].reverse(), error: undefined })
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof OfflineError)) throw error
    this.#set({ error })
  }

  #set(change: Partial<CarryingState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}
