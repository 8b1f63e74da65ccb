import type { DeviceId } from '../../protocol/ids.ts'
import { asOfflineError, OfflineError } from './errors.ts'
import { Emitter, type OfflineEvents } from './events.ts'
import type { ResolvedOptions } from './options.ts'
import { viewOf } from './payment-view.ts'
import type { Channel } from './ports/contexts.ts'
import type { UnsyncedExport } from './rescue/export.ts'
import type { Returning } from './rescue/restorable.ts'
import { type Restored, restore } from './rescue/restore.ts'
import {
  blockedByEdge,
  isBlocked,
  type OfflineState,
  type OfflineStatus,
  snapshot,
  statusAfter,
  statusFollowing,
} from './sdk-state.ts'
import { type Entry, isDone } from './store/entry.ts'
import { LocalDevice } from './store/local-device.ts'
import { refundedIn } from './store/refunded.ts'
import { historyMs } from './store/retention.ts'
import { AutoSync } from './sync/auto-sync.ts'
import { runSync, type SyncReport } from './sync/sync.ts'
import { loadSigner, type SyncDeps } from './sync/sync-deps.ts'
import { Transport } from './sync/transport.ts'
import { Trust } from './sync/trust.ts'

/** One instance while it lives: its status, its listeners, one sync at a time, by itself or asked for. */
export class Runner {
  readonly device: LocalDevice
  readonly deps: SyncDeps
  readonly events = new Emitter<OfflineEvents>()
  readonly auto: AutoSync
  readonly #historyMs: number
  readonly #channel: Channel | undefined
  readonly #unsubscribe: (() => void) | undefined
  #status: OfflineStatus = { status: 'created' }
  /** The last contact with the edge, by whatever context, that the status knows of. */
  #knownServerMs: number | undefined
  #initializing: Promise<OfflineState> | undefined
  #syncing: Promise<SyncReport> | undefined

  constructor(deviceId: DeviceId, options: ResolvedOptions) {
    const { suite, clock, randomBytes, keyStore, keys, channel, userPresence } = options
    if (channel && !options.exclusive) throw new TypeError('`channel` needs `exclusive`')
    const monotonicMs = () => clock.monotonicMs()
    this.#historyMs = historyMs(options.historyDays)
    this.device = new LocalDevice({
      ...options,
      deviceId,
      refreshed: (entries) => this.#refreshed(entries),
    })
    this.deps = {
      device: this.device,
      transport: new Transport({ ...options, monotonicMs }),
      trust: new Trust(suite, deviceId),
      keyStore,
      suite,
      randomBytes,
      acknowledged: new Set(),
      pinnedKeys: keys,
      isPayer: userPresence !== undefined,
      changed: (entry) => this.changed(entry),
      progress: (progress) => this.events.emit('progress', progress),
    }
    this.auto = new AutoSync({
      ...options,
      monotonicMs,
      enabled: options.autoSync && options.behavior !== 'force_offline',
      sync: () => void this.#automaticSync(),
      refresh: () => void this.#refresh(),
      unsynced: () => this.device.unsynced,
      lost: () => this.#lost(),
    })
    this.#channel = channel
    this.#unsubscribe = channel?.subscribe(() => void this.#refresh())
  }

  get status(): OfflineStatus {
    return this.#status
  }

  get state(): OfflineState {
    return snapshot(this.#status, this.device, this.#syncing !== undefined)
  }

  get isAlive(): boolean {
    return this.#status.status !== 'destroyed'
  }

  /** @throws OfflineError `destroyed` */
  assertAlive(): void {
    if (!this.isAlive) throw new OfflineError('destroyed')
  }

  initialize(): Promise<OfflineState> {
    this.#initializing ??= this.#initialize()
      .catch((cause: unknown) => {
        throw asOfflineError(cause)
      })
      .finally(() => {
        this.#initializing = undefined
      })
    return this.#initializing
  }

  /** Shares a run that is going on. @param explicit a person asked: what is parked is tried again */
  sync(explicit: boolean): Promise<SyncReport> {
    this.#syncing ??= this.#syncOnce(explicit)
      .catch((cause: unknown) => {
        const error = asOfflineError(cause)
        if (this.isAlive) this.events.emit('queue_error', error)
        throw error
      })
      .finally(() => {
        this.#syncing = undefined
        this.emitState()
      })
    return this.#syncing
  }

  /** Takes over the payments of an export, and opens the device when that was its first contact. */
  async restore(
    content: UnsyncedExport,
    payments: readonly Returning[],
    wanted: ReadonlySet<string>,
  ): Promise<Restored> {
    this.assertAlive()
    const result = await this.device.syncing(async () => {
      await this.#load()
      return restore(this.deps, content, payments, wanted)
    })
    if (!result.ok) throw result.error.error
    const { status } = this.#status
    if (status === 'created' || status === 'needs_network') await this.initialize()
    else this.emitState()
    if (this.isAlive) this.auto.afterPayment()
    return result.value
  }

  /** Resolves when nothing is written or sent any more. */
  async end(): Promise<void> {
    this.#status = { status: 'destroyed' }
    this.auto.stop()
    this.#unsubscribe?.()
    await this.#initializing?.catch(() => undefined)
    await this.#syncing?.catch(() => undefined)
    await this.device.idle()
    this.#channel?.close()
    this.emitState()
  }

  emitState(): void {
    this.events.emit('state', this.state)
  }

  /** A payment's change is on disk. */
  changed(entry: Entry): void {
    const { device, events } = this
    const { entries } = device.journal
    const refunded = refundedIn(entries)
    // With a refund what is left of its payment changes.
    const { refundOf } = entry.payment ?? {}
    const paid = refundOf?.deviceId === undefined && refundOf ? device.journal.entry(refundOf.counter) : undefined
    for (const one of paid ? [entry, paid] : [entry]) {
      const view = viewOf(device, one, refunded.get(one.counter) ?? 0)
      if (view) events.emit('payment', view)
    }
  }

  async #initialize(): Promise<OfflineState> {
    this.assertAlive()
    const { device } = this
    try {
      await this.#load()
    } catch (error) {
      if (!isBlocked(error)) throw error
      this.#setStatus({ status: 'blocked', error })
      return this.state
    }
    const signer = await loadSigner(this.deps)
    if (!signer.ok && signer.error.stop) {
      this.#setStatus({ status: 'blocked', error: signer.error.error })
      return this.state
    }
    if (device.hasState) this.#setStatus(blockedByEdge(device) ?? { status: 'offline_ready' })
    else await this.sync(true)
    if (this.isAlive) this.auto.start()
    return this.state
  }

  async #load(): Promise<void> {
    const { device } = this
    await device.change(async () => device.hasState || device.load())
  }

  async #syncOnce(explicit: boolean): Promise<SyncReport> {
    this.assertAlive()
    const report = await this.device.syncing(async () => {
      await this.#load()
      this.emitState()
      return runSync(this.deps, { explicit, historyMs: this.#historyMs })
    })
    this.#setStatus(statusAfter(report, this.device))
    this.events.emit('sync', report)
    if (report.error) this.events.emit('queue_error', report.error)
    const open = report.unsynced !== 0 || this.device.journal.entries.some((entry) => !isDone(entry))
    if (this.isAlive) this.auto.afterSync(report, open)
    return report
  }

  async #automaticSync(): Promise<void> {
    try {
      await this.sync(false)
    } catch {
      // The store, or a fault of ours, told as the queue's error: the payments stay where they are, the next run tries again.
      if (this.isAlive) this.auto.afterSync({ status: 'retry_later' }, true)
    }
  }

  /** Nobody is to believe that payments go through before a sync has failed; the next one that succeeds ends it. */
  #lost(): void {
    if (this.#status.status === 'ready') this.#setStatus({ status: 'offline_ready' })
  }

  /** Reads what other contexts wrote; what it finds is told by `#refreshed`. */
  async #refresh(): Promise<void> {
    if (!this.isAlive || this.#status.status === 'created') return
    // A store that fails now fails the next change too, and that one is told.
    await this.device.change(async () => undefined).catch(() => undefined)
  }

  /** Another context has changed these payments, and perhaps more. */
  #refreshed(entries: readonly Entry[]): void {
    this.#status = statusFollowing(this.#status, this.device, this.#serverMs !== this.#knownServerMs)
    this.#knownServerMs = this.#serverMs
    for (const entry of entries) this.changed(entry)
    this.emitState()
  }

  get #serverMs(): number | undefined {
    return this.device.hasState ? this.device.state.clock.serverMs : undefined
  }

  #setStatus(status: OfflineStatus): void {
    if (this.isAlive) this.#status = status
    this.#knownServerMs = this.#serverMs
    this.emitState()
  }
}
