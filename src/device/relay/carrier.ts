import { parseBundle } from '../../protocol/bundle.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { HOUR_MS } from '../../protocol/time.ts'
import { withDefaults } from '../sdk/defaults.ts'
import type { OfflineSDKOptions, ResolvedOptions } from '../sdk/options.ts'
import { exclusively } from '../sdk/ports/contexts.ts'
import { Mutex } from '../sdk/store/mutex.ts'
import { Records } from '../sdk/store/records.ts'
import { Transport } from '../sdk/sync/transport.ts'
import { readAnswer } from './answer.ts'
import { type CarriedBundle, type CarriedState, carriedOf, type NotCarried, readRelayBundle } from './carried.ts'
import { CarriedStore } from './carried-store.ts'

type Shared = 'fetch' | 'clock' | 'timers' | 'newAbort' | 'suite' | 'requestTimeoutMs' | 'exclusive'

/** What a carrier runs on; all but the first two have the defaults of the SDK. */
export interface CarrierOptions extends Pick<OfflineSDKOptions, 'apiUrl' | 'storage' | Shared> {
  /** The carrying phone, when it is a device itself. Recorded by the edge, and never trusted. */
  readonly deviceId?: string
  /** Hours that anything is kept here. Default 24, the policies' `max_relay_hours`: later the edge refuses it. */
  readonly keepHours?: number
}

/** How a push of what is carried went. */
export interface RelayReport {
  readonly delivered: number
  readonly refused: number
  /** Bundles that are still to be pushed. */
  readonly waiting: number
  /** What the edge asked to wait, milliseconds. */
  readonly retryAfterMs?: number
}

const LOCK = 'molam/relay'

/**
 * Asks for nothing but the receipt: policy and keys are the device's own business. Its outcomes are too, which no answer to a
 * carrier brings, so there is no cursor to name.
 */
const NOTHING_ELSE = {
  'Molam-Policy-Version': '999999999999999',
  'Molam-Keys-Version': '999999999999999',
}

/**
 * Carries bundles of other devices to the edge, and receipts back. A carrier can neither read nor change a bundle, and
 * nothing depends on it: the device keeps its payments until it has verified a receipt, and pushes the same sealed bytes
 * itself when it can. Whoever comes first, they are admitted once, and both are given the same receipt.
 *
 * @example
 * const carrier = new BundleCarrier({ apiUrl, storage: localStorage })
 * const scanned = reader.add(text)
 * if (scanned.status === 'complete' && scanned.carries === 'bundle') await carrier.carry(scanned.bundle)
 * // as soon as there is a network, and again until `waiting` is 0:
 * await carrier.pushCarried()
 * for (const { state } of await carrier.list()) {
 *   if (state.status === 'delivered') show(generateOfflineQR(state.receipt, { carries: 'receipt' }))
 * }
 */
export class BundleCarrier {
  readonly #options: ResolvedOptions
  readonly #transport: Transport
  readonly #headers: Readonly<Record<string, string>>
  readonly #store: CarriedStore
  readonly #exclusive: <T>(run: () => Promise<T>) => Promise<T>
  #pushing: Promise<RelayReport> | undefined

  constructor(options: CarrierOptions) {
    const { deviceId, keepHours = 24, exclusive } = options
    this.#options = withDefaults({ ...options, atRest: 'none', deviceId: deviceId ?? 'carrier' })
    const { storage, suite, clock } = this.#options
    this.#transport = new Transport({ ...this.#options, monotonicMs: () => clock.monotonicMs() })
    this.#headers = { ...NOTHING_ELSE, ...(deviceId !== undefined && { 'Molam-Carrier': deviceId }) }
    // What is carried is sealed already: it needs no cipher of this phone.
    const records = new Records({ storage, prefix: 'molam/relay/', suite, atRest: undefined })
    this.#store = new CarriedStore(records, () => clock.nowMs(), keepHours * HOUR_MS)
    const mutex = new Mutex()
    this.#exclusive = exclusive ? (run) => exclusively(exclusive, LOCK, run) : (run) => mutex.run(run)
  }

  /**
   * Takes a bundle over. It is on disk when this returns. The same bytes again change nothing and bring what became of
   * them.
   *
   * @throws OfflineError `storage_failed`
   */
  async carry(bytes: Uint8Array): Promise<Result<CarriedBundle, NotCarried>> {
    const bundle = readRelayBundle(bytes)
    if (!bundle.ok) return bundle
    const { suite, clock } = this.#options
    const carried = await carriedOf(bytes, bundle.value, clock.nowMs(), (data) => suite.sha256(data))
    return this.#exclusive(async () => {
      const held = (await this.#store.all()).find(({ id }) => id === carried.id)
      if (held) return ok(held)
      return (await this.#store.add(carried)) ? ok(carried) : err('full')
    })
  }

  /** All that is here, the oldest first. */
  list(): Promise<readonly CarriedBundle[]> {
    return this.#exclusive(() => this.#store.all())
  }

  /** Drops one, whatever became of it. */
  forget(id: string): Promise<void> {
    return this.#exclusive(() => this.#store.remove(id))
  }

  /**
   * Pushes what waits, once. When to try again is the caller's to decide. Two at once, or a process that dies in between,
   * push the same bytes again and get the same receipt.
   *
   * @throws OfflineError `storage_failed`
   */
  pushCarried(): Promise<RelayReport> {
    this.#pushing ??= this.#pushAll().finally(() => {
      this.#pushing = undefined
    })
    return this.#pushing
  }

  async #pushAll(): Promise<RelayReport> {
    const tally = { delivered: 0, refused: 0 }
    let retryAfterMs = 0
    for (const carried of await this.list()) {
      if (carried.state.status !== 'waiting') continue
      const { bundle } = carried.state
      const answer = await this.#transport.push(bundle, this.#headers)
      const answered = await readAnswer(answer, parseBundle(bundle), (data) => this.#options.suite.sha256(data))
      if (answered.kind === 'later') {
        retryAfterMs = Math.max(retryAfterMs, answered.retryAfterMs ?? 0)
        // Nobody is there: the others would only wait for the same silence.
        if (!answered.reached) break
        continue
      }
      await this.#answered(
        carried,
        answered.kind === 'delivered'
          ? { status: 'delivered', receipt: answered.receipt }
          : { status: 'refused', code: answered.code },
      )
      tally[answered.kind]++
    }
    const waiting = (await this.list()).filter(({ state }) => state.status === 'waiting').length
    return { ...tally, waiting, ...(retryAfterMs > 0 && { retryAfterMs }) }
  }

  #answered(carried: CarriedBundle, state: CarriedState): Promise<void> {
    const answered = { ...carried, state, atMs: this.#options.clock.nowMs() }
    return this.#exclusive(() => this.#store.answer(answered))
  }
}
