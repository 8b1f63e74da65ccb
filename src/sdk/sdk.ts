import { deviceId, parseLocalId } from '../protocol/ids.ts'
import { type Allowance, allowanceAt, judgeBeforeTaking } from './allowance.ts'
import { withDefaults } from './defaults.ts'
import { type Entry, isDone } from './entry.ts'
import { OfflineError } from './errors.ts'
import { Emitter } from './events.ts'
import { LocalDevice } from './local-device.ts'
import type { OfflineSDKOptions, ResolvedOptions } from './options.ts'
import { type PaymentTerms, paymentOf } from './payment-terms.ts'
import { type OfflinePayment, viewOf } from './payment-view.ts'
import { historyMs } from './retention.ts'
import { Schedule } from './schedule.ts'
import { type OfflineState, type OfflineStatus, snapshot } from './sdk-state.ts'
import { runSync, type SyncReport } from './sync.ts'
import { loadSigner, type SyncContext } from './sync-context.ts'
import { Transport } from './transport.ts'
import { Trust } from './trust.ts'

export interface OfflineEvents {
  /** Anything of `sdk.state` changed. */
  state: OfflineState
  /** A payment was taken, voided, acknowledged, or got its outcome. */
  payment: OfflinePayment
  /** A sync ended. */
  sync: SyncReport
}

/** What `destroy()` leaves behind. */
export interface DestroyReport {
  /** Payments that only this storage knows. */
  readonly unsynced: number
  /** Set while there are any: clearing the storage now would lose them. */
  readonly warning?: 'unsynced_payments'
}

/** Milliseconds between taking a payment and the sync that it causes: payments close together go together. */
const SYNC_SOON_MS = 1_000

/**
 * Takes payments where there is no network and settles them when there is.
 *
 * A payment that `createOfflineTransaction` returned is on disk, with a number that is never used again, and stays there
 * until the edge's signed receipt for it was verified. One instance per device and storage.
 *
 * @example
 * const sdk = new OfflineSDK({ apiUrl, deviceId: 'POS-001', storage, keyStore, autoSync: true })
 * await sdk.initialize()
 * const payment = await sdk.createOfflineTransaction({
 *   type: 'merchant', amount: 2500, currency: 'XOF', sender: '+221770000001', receiver: 'shop-12',
 * })
 * await sdk.syncNow()
 * sdk.getTransaction(payment.localId)?.status // 'pending', later 'succeeded'
 */
export class OfflineSDK {
  readonly #options: ResolvedOptions
  readonly #device: LocalDevice
  readonly #sync: SyncContext
  readonly #schedule: Schedule
  readonly #events = new Emitter<OfflineEvents>()
  #status: OfflineStatus = { status: 'created' }
  #initializing: Promise<OfflineState> | undefined
  #syncing: Promise<SyncReport> | undefined

  /** @throws RangeError when `apiUrl` or `deviceId` is not valid */
  constructor(options: OfflineSDKOptions) {
    const resolved = withDefaults(options)
    const { storage, suite, clock, randomBytes, keyStore, keys, timers, syncEveryMs } = resolved
    const id = deviceId(resolved.deviceId)
    this.#options = resolved
    this.#device = new LocalDevice({ deviceId: id, storage, suite, clock, randomBytes })
    this.#sync = {
      device: this.#device,
      transport: new Transport({ ...resolved, monotonicMs: () => clock.monotonicMs() }),
      trust: new Trust(suite, id),
      keyStore,
      suite,
      randomBytes,
      pinnedKeys: keys,
      changed: (entry) => this.#changed(entry),
    }
    this.#schedule = new Schedule({ timers, randomBytes, syncEveryMs, run: () => void this.#automaticSync() })
  }

  /** How the device stands. */
  get state(): OfflineState {
    return snapshot(this.#status, this.#device, this.#syncing !== undefined)
  }

  /**
   * Reads what is on disk. Without a network it is enough that the device was in contact once; a device that never was
   * tries now, and answers `needs_network` when it cannot. May be called again.
   *
   * @throws OfflineError `storage_failed` when the storage cannot be read; `destroyed`
   */
  initialize(): Promise<OfflineState> {
    this.#initializing ??= this.#initialize().finally(() => {
      this.#initializing = undefined
    })
    return this.#initializing
  }

  /**
   * Takes a payment: when this resolves it is on disk and the payer can be told "paid, waiting to be settled".
   *
   * @throws OfflineError with money `not_taken`: `invalid_payment`, `refused` (with its `reason`), `sync_overdue`,
   * `device_blocked`, `not_ready`, `storage_failed`, `destroyed`
   */
  async createOfflineTransaction(terms: PaymentTerms): Promise<OfflinePayment> {
    const device = this.#device
    const entry = await device.mutex.run(async () => {
      this.#assertCanTake()
      const nowMs = device.clock.nowMs()
      const { state } = device
      const draft = paymentOf(terms, device.journal.nextCounter, nowMs)
      const expected = judgeBeforeTaking(draft, device.journal.entries, state)
      const taken = await device.journal.take((counter) => ({ ...draft, counter }), expected, state.policy.version)
      device.clock.paymentTaken(draft.initiatedAtMs)
      return taken
    })
    this.#changed(entry)
    this.#emitState()
    if (this.#options.autoSync && this.#isAlive) this.#schedule.soon(SYNC_SOON_MS)
    return this.#view(entry)
  }

  /**
   * Voids a payment that never left the device. One that was put into a bundle can only be reversed, by the server.
   *
   * @param counter of the payment; of a damaged record too, once a person has decided that it is void
   * @throws OfflineError `already_bundled`, `no_such_payment`, `not_ready`, `storage_failed` (then it is not voided)
   */
  async voidTransaction(counter: number): Promise<void> {
    const device = this.#device
    this.#assertAlive()
    await device.mutex.run(() => device.journal.voidPayment(counter, device.voidFrom))
    const entry = device.journal.entry(counter)
    if (entry) this.#changed(entry)
    this.#emitState()
  }

  /**
   * Lets a payment stand whose void cannot be read any more (`state.damaged`, `void_unreadable`): until a person decides
   * this or voids it again, it is not sent.
   *
   * @throws OfflineError `already_bundled`, `no_such_payment`, `not_ready`, `storage_failed`
   */
  async keepTransaction(counter: number): Promise<void> {
    const device = this.#device
    this.#assertAlive()
    await device.mutex.run(() => device.journal.keepPayment(counter, device.voidFrom))
    this.#emitState()
  }

  /**
   * Brings everything up to date: sends what waits, fetches what was missed. One run at a time: a call during a run
   * shares it. Resolves however it went; see the report.
   *
   * @throws OfflineError `destroyed`, `storage_failed` when the storage cannot be read
   */
  syncNow(): Promise<SyncReport> {
    return this.#run(true)
  }

  /** Payments without a final outcome, oldest first: on the device, under way, or waiting for a person. */
  getPendingTransactions(): readonly OfflinePayment[] {
    return this.#views((entry) => !isDone(entry) && !entry.voided)
  }

  /** All payments on the device, oldest first. */
  getTransactions(): readonly OfflinePayment[] {
    return this.#views(() => true)
  }

  /** @param localId `<device_id>/<counter>` */
  getTransaction(localId: string): OfflinePayment | undefined {
    const parsed = parseLocalId(localId)
    if (parsed?.deviceId !== this.#device.deviceId) return undefined
    const entry = this.#device.journal.entry(parsed.counter)
    return entry && viewOf(this.#device.deviceId, entry)
  }

  /**
   * What may still be taken today.
   *
   * @throws OfflineError `not_ready`
   */
  getAllowance(): Allowance {
    const device = this.#device
    return allowanceAt(device.clock.nowMs(), device.journal.entries, device.state)
  }

  /** @returns a function that removes the listener */
  on<Name extends keyof OfflineEvents>(event: Name, listener: (value: OfflineEvents[Name]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** Stops timers, waits for what is being written or sent, and says what would be lost if the storage were cleared. */
  async destroy(): Promise<DestroyReport> {
    this.#status = { status: 'destroyed' }
    this.#schedule.stop()
    await this.#initializing?.catch(() => undefined)
    await this.#syncing?.catch(() => undefined)
    await this.#device.mutex.run(async () => undefined)
    const { unsynced } = this.#device.journal
    this.#emitState()
    return unsynced > 0 ? { unsynced, warning: 'unsynced_payments' } : { unsynced }
  }

  async #initialize(): Promise<OfflineState> {
    this.#assertAlive()
    const device = this.#device
    await this.#load()
    const signer = await loadSigner(this.#sync)
    if (!signer.ok && signer.error.stop) {
      this.#setStatus({ status: 'blocked', error: signer.error.error })
    } else if (device.hasState) {
      this.#setStatus(this.#blockedByEdge() ?? { status: 'offline_ready' })
      if (this.#options.autoSync) this.#schedule.soon(0)
    } else {
      await this.#run(true)
    }
    return this.state
  }

  async #load(): Promise<void> {
    const device = this.#device
    await device.mutex.run(async () => device.hasState || device.load())
  }

  #run(explicit: boolean): Promise<SyncReport> {
    this.#syncing ??= this.#syncOnce(explicit).finally(() => {
      this.#syncing = undefined
      this.#emitState()
    })
    return this.#syncing
  }

  async #syncOnce(explicit: boolean): Promise<SyncReport> {
    this.#assertAlive()
    await this.#load()
    this.#emitState()
    const report = await runSync(this.#sync, { explicit, historyMs: historyMs(this.#options.historyDays) })
    this.#setStatus(this.#statusAfter(report))
    this.#events.emit('sync', report)
    if (this.#options.autoSync && this.#isAlive) {
      this.#schedule.after(report, report.unsynced > 0 || this.getPendingTransactions().length > 0)
    }
    return report
  }

  async #automaticSync(): Promise<void> {
    // What throws here is the store, or a fault of ours: the payments stay where they are, and the next run tries again.
    await this.#run(false).catch(() => this.#isAlive && this.#schedule.after({ status: 'retry_later' }, true))
  }

  #statusAfter({ status, error }: SyncReport): OfflineStatus {
    const { hasState } = this.#device
    const keyFault = error?.code === 'key_missing' || error?.code === 'key_mismatch'
    if (error && (keyFault || (!hasState && status === 'stopped'))) return { status: 'blocked', error }
    if (error && !hasState) return { status: 'needs_network', error }
    return this.#blockedByEdge() ?? { status: status === 'retry_later' ? 'offline_ready' : 'ready' }
  }

  #blockedByEdge(): OfflineStatus | undefined {
    const blocked = this.#device.hasState ? this.#device.state.blocked : undefined
    return blocked && { status: 'blocked', error: new OfflineError(blocked.code) }
  }

  /** A payment that the device could never send is not taken. */
  #assertCanTake(): void {
    this.#assertAlive()
    if (!this.#device.hasState) throw new OfflineError('not_ready')
    const status = this.#status
    if (status.status === 'created') throw new OfflineError('not_ready')
    if (status.status === 'blocked') {
      throw new OfflineError('device_blocked', { detail: status.error.code, cause: status.error })
    }
    const parked = this.#device.outgoing?.parked
    if (parked?.code === 'chain_conflict') throw new OfflineError('device_blocked', { detail: parked.code })
  }

  get #isAlive(): boolean {
    return this.#status.status !== 'destroyed'
  }

  #assertAlive(): void {
    if (!this.#isAlive) throw new OfflineError('destroyed')
  }

  #setStatus(status: OfflineStatus): void {
    if (this.#isAlive) this.#status = status
    this.#emitState()
  }

  #emitState(): void {
    this.#events.emit('state', this.state)
  }

  #changed(entry: Entry): void {
    const view = viewOf(this.#device.deviceId, entry)
    if (view) this.#events.emit('payment', view)
  }

  #view(entry: Entry): OfflinePayment {
    const view = viewOf(this.#device.deviceId, entry)
    if (view === undefined) throw new Error('a payment without terms')
    return view
  }

  #views(wanted: (entry: Entry) => boolean): readonly OfflinePayment[] {
    return this.#device.journal.entries.filter(wanted).flatMap((entry) => viewOf(this.#device.deviceId, entry) ?? [])
  }
}
