import type { CryptoSuite } from '../../../crypto/suite.ts'
import { equalBytes, toHex } from '../../../protocol/bytes.ts'
import type { DeviceId } from '../../../protocol/ids.ts'
import type { Notice } from '../../../protocol/notice.ts'
import { isUnreadable, OfflineError } from '../errors.ts'
import type { AtRestCipher } from '../ports/at-rest.ts'
import { type ClockSource, CorrectedClock } from '../ports/clock.ts'
import type { Channel, Exclusive } from '../ports/contexts.ts'
import type { Storage } from '../ports/storage.ts'
import { countedElsewhere } from './allowance.ts'
import type { ChainHead } from './chain-proof.ts'
import { type Changes, changedSince, noChanges, withChange } from './changes.ts'
import { DeviceLocks } from './device-locks.ts'
import { type DeviceState, decodeState, type EncodedState, encodeState } from './device-state.ts'
import type { Entry } from './entry.ts'
import { isEmpty } from './found.ts'
import { Journal } from './journal.ts'
import { decodeOutgoing, type EncodedOutgoing, encodeOutgoing, type Outgoing } from './outgoing.ts'
import type { AdmissionRecord } from './payment-record.ts'
import { Records } from './records.ts'
import { TwoSlots } from './two-slots.ts'

const EPOCH_BYTES = 4

export interface LocalDeviceOptions {
  readonly deviceId: DeviceId
  readonly storage: Storage
  readonly suite: CryptoSuite
  readonly clock: ClockSource
  readonly randomBytes: (length: number) => Uint8Array
  readonly atRest?: AtRestCipher | undefined
  /** Present when other contexts may use the same storage at the same time. */
  readonly exclusive?: Exclusive | undefined
  readonly channel?: Channel | undefined
  /** Called under the lock with the payments that another context has changed. */
  readonly refreshed?: (entries: readonly Entry[]) => void
}

/**
 * The device as it is on disk: state, journal, bundle in flight. Every change goes through `change`, and memory follows
 * only after the write.
 */
export class LocalDevice {
  readonly deviceId: DeviceId
  readonly journal: Journal
  readonly clock: CorrectedClock
  /** Beneath everything: to be written to under the lock only. */
  readonly records: Records
  readonly #options: LocalDeviceOptions
  readonly #locks: DeviceLocks
  readonly #stateSlots: TwoSlots<EncodedState>
  readonly #outgoingSlots: TwoSlots<EncodedOutgoing>
  #state: DeviceState | undefined
  #outgoing: Outgoing | undefined
  /** What is on disk has been read in part only; and whether another context wrote any of it. */
  #stale = false
  /** The changes up to which payments were read; undefined when that is not certain. */
  #known: Changes | undefined
  #foreign = false
  /** Looked at, and there was nothing. */
  #empty = false

  constructor(options: LocalDeviceOptions) {
    const { deviceId, storage, suite, atRest, clock, randomBytes } = options
    this.#options = options
    this.#locks = new DeviceLocks(deviceId, options.exclusive)
    this.records = new Records({ storage, prefix: `molam/${deviceId}/`, suite, atRest })
    this.deviceId = deviceId
    this.journal = new Journal(this.records, (counters) => this.#announce(counters))
    this.clock = new CorrectedClock(clock, randomBytes)
    this.#stateSlots = new TwoSlots(this.records, 'state')
    this.#outgoingSlots = new TwoSlots(this.records, 'outgoing')
  }

  /** Undefined before the first contact. */
  get ownerWallet(): string | undefined {
    return this.#state?.ownerWallet
  }

  /**
   * Runs one change at a time, over all contexts that share the storage, on what is on disk at that moment. Short: never
   * holds the lock over a request.
   */
  change<T>(run: () => Promise<T>): Promise<T> {
    const { exclusive, channel } = this.#options
    return this.#locks.changing(async () => {
      // Nobody else writes here: memory is what is on disk.
      if (exclusive === undefined) return run()
      await this.#refresh()
      const { writes } = this.records
      try {
        return await run()
      } finally {
        if (this.records.writes !== writes) tell(channel)
      }
    })
  }

  /** Runs on what is on disk, also where there is no state that can be read: for a look, not for a change. */
  look<T>(run: () => Promise<T>): Promise<T> {
    return this.#locks.changing(async () => {
      await this.#refresh().catch((error: unknown) => {
        if (!isUnreadable(error)) throw error
      })
      return run()
    })
  }

  /** Runs one sync at a time, over all contexts that share the storage. Payments are taken meanwhile. */
  syncing<T>(run: () => Promise<T>): Promise<T> {
    return this.#locks.syncing(run)
  }

  /** Resolves when what is being written is written. */
  idle(): Promise<void> {
    return this.#locks.idle()
  }

  /**
   * @returns whether there is a state: without one the device has to ask the edge where it stands
   * @throws OfflineError `store_locked`, `store_newer`, `storage_failed`
   */
  async load(): Promise<boolean> {
    await this.#readSlots()
    const encoded = this.#stateSlots.value
    this.#empty = encoded === undefined && (await isEmpty(this.records))
    if (encoded === undefined) return false
    await this.#loaded(decodeState(encoded))
    this.#foreign = false
    return true
  }

  /**
   * Takes over the first state. Payments that are on disk already are found from its first counter on.
   *
   * @param told the notice that it is made of
   */
  async begin(state: Omit<DeviceState, 'changes'>, told: Notice): Promise<void> {
    await this.journal.load(state)
    const { nextCounter, entries, locked } = this.journal
    // The state would be sealed with our key, and the one that opens the payments would not open it.
    if (locked) throw new OfflineError('store_locked')
    // Without a state it is not known which of the payments found had left the device, nor what was heard of them.
    const cursor = entries.length > 0 ? 0 : state.cursor
    const elsewhere = countedElsewhere(told, entries, state.policy)
    const changes = noChanges(toHex(this.#options.randomBytes(EPOCH_BYTES)))
    const begun = { ...state, nextCounter, voidFrom: nextCounter, cursor, changes, ...(elsewhere && { elsewhere }) }
    await this.#stateSlots.write(encodeState(begun))
    await this.#loaded(begun)
  }

  /** Whether the storage was looked at and held nothing of a device. */
  get isEmpty(): boolean {
    return this.#empty
  }

  /** The newest bundle that was sealed, also without a state; undefined when its record cannot be read. */
  get lastSealed(): Outgoing | undefined {
    return this.#outgoingSlots.damaged ? undefined : this.#outgoing
  }

  get hasState(): boolean {
    return this.#state !== undefined
  }

  /**
   * Payments to send: those that no verified admission covers, voided ones among them, because their counters have to be
   * accounted for; and those whose admission the edge has lost.
   */
  get unsent(): readonly Entry[] {
    const lost = new Set(this.state.lostByEdge)
    return this.journal.entries.filter(({ admitted, counter }) => admitted === undefined || lost.has(counter))
  }

  /** How many payments only this storage knows; `unknown` while there is no state that tells which have left it. */
  get unsynced(): number | 'unknown' {
    if (this.hasState) return this.unsent.length + this.journal.unread
    return this.#empty ? 0 : 'unknown'
  }

  /** @throws OfflineError `not_ready` */
  get state(): DeviceState {
    if (this.#state === undefined) throw new OfflineError('not_ready')
    return this.#state
  }

  /** One write; the caller holds the lock. */
  async update(change: Partial<DeviceState>): Promise<void> {
    await this.replace({ ...this.state, ...change })
  }

  /** As `update`, and a field that is left out is gone. */
  async replace(next: DeviceState): Promise<void> {
    // Another context's payments may not have been read yet.
    const nextCounter = Math.max(next.nextCounter, this.journal.nextCounter)
    const state: DeviceState = { ...next, nextCounter }
    await this.#stateSlots.write(encodeState(state))
    const clockIsNew = state.clock !== this.#state?.clock
    this.#state = state
    if (!this.#stale) this.#known = state.changes
    if (clockIsNew) this.clock.learn(state.clock)
  }

  /** The bundle in flight. One at or before the chain's head is done: advancing the head is what clears it. */
  get outgoing(): Outgoing | undefined {
    return this.#outgoing !== undefined && this.#outgoing.seq > this.state.seq ? this.#outgoing : undefined
  }

  /** Whether there may be a bundle in flight whose record cannot be read. */
  get isOutgoingLost(): boolean {
    return this.#outgoingSlots.damaged && this.outgoing === undefined
  }

  /** Whether the edge has to be asked what became of the bundle in flight before anything is sent. */
  get chainInDoubt(): boolean {
    if (!this.hasState) return false
    const { outgoing, state } = this
    if (state.conflict !== undefined) return true
    if (outgoing === undefined) return this.isOutgoingLost
    return outgoing.seq !== state.seq + 1 || !equalBytes(outgoing.prev, state.prev)
  }

  /** Stores the bundle in flight, before it is sent; the caller holds the lock. */
  async putOutgoing(outgoing: Outgoing): Promise<void> {
    this.journal.markBundled(outgoing.firstCounter, outgoing.lastCounter)
    await this.#outgoingSlots.write(encodeOutgoing(outgoing))
    this.#outgoing = outgoing
  }

  /**
   * The bundle in flight is admitted. Admission first, chain head second: cut off between the two, the bundle is sent
   * again and brings the same receipt.
   *
   * @returns its payments
   */
  async admit(seq: number, prev: Uint8Array, proof: AdmissionRecord): Promise<readonly Entry[]> {
    // The receipt came twice: by the network and by a relay.
    if (seq <= this.state.seq) return []
    const admitted = await this.journal.admit(seq, proof)
    const { blocked, lostByEdge = [], ...unblocked } = this.state
    const { firstCounter, lastCounter } = this.#outgoing ?? { firstCounter: 1, lastCounter: 0 }
    const stillLost = lostByEdge.filter((counter) => counter < firstCounter || lastCounter < counter)
    // A receipt answers a push: the edge takes bundles from this device.
    const stillBlocked = blocked && proof.proof !== 'receipt' && { blocked }
    await this.replace({ ...unblocked, ...stillBlocked, lostByEdge: stillLost, seq, prev })
    return admitted
  }

  /** Reads the journal again, after its bounds were moved. */
  reload(): Promise<void> {
    return this.#loaded(this.state)
  }

  /** Goes on from the edge's head, where the record of the bundle in flight is lost. */
  async adoptHead({ seq, prev }: ChainHead): Promise<void> {
    if (seq !== this.state.seq) await this.update({ seq, prev, voidFrom: this.journal.nextCounter })
    await this.#outgoingSlots.dropDamaged()
  }

  /** Whether a counter may be in a bundle: it then cannot be voided any more. */
  get voidFrom(): number {
    return this.chainInDoubt ? this.journal.nextCounter : this.state.voidFrom
  }

  async #readSlots(): Promise<void> {
    for (const slots of [this.#stateSlots, this.#outgoingSlots]) if (await slots.load()) this.#foreign = true
    const stored = this.#outgoingSlots.value
    this.#outgoing = stored && decodeOutgoing(stored)
  }

  async #loaded(state: DeviceState): Promise<void> {
    await this.journal.load(state)
    this.#state = state
    this.#known = state.changes
    this.#restoreClock()
    if (this.outgoing) this.journal.markBundled(this.outgoing.firstCounter, this.outgoing.lastCounter)
  }

  /**
   * Another context may have taken payments, voided them, or moved the chain. Its payments show by the record at the next
   * counter, all else by the state or the bundle in flight: what changes neither of them is announced in the state first.
   */
  async #refresh(): Promise<void> {
    if (this.#state === undefined) {
      if (await this.load()) this.#options.refreshed?.(this.journal.entries)
      return
    }
    const more = await this.journal.hasMore()
    const moved = (await this.#stateSlots.changed()) || (await this.#outgoingSlots.changed())
    if (!more && !moved && !this.#stale) return
    this.#stale = true
    if (more) this.#foreign = true
    await this.#readSlots()
    const encoded = this.#stateSlots.value
    // Gone, or both slots damaged: as after a restart, the device asks the edge where it stands.
    this.#state = encoded && decodeState(encoded)
    if (this.#state === undefined) {
      this.#options.refreshed?.([])
    } else {
      // What a failed write of ours left behind is still to be undone, unless others may have built on it.
      const adopted = this.#foreign ? this.journal.adopt() : []
      const announced = changedSince(this.#known, this.#state.changes)
      // Until all of that is read: a store that fails meanwhile must not make us believe that it was.
      this.#known = undefined
      await this.journal.undoFailedWrites()
      const changed = await this.journal.refresh(this.#state, announced && [...announced, ...adopted])
      this.#restoreClock()
      if (this.outgoing) this.journal.markBundled(this.outgoing.firstCounter, this.outgoing.lastCounter)
      this.#options.refreshed?.(changed)
    }
    this.#stale = false
    this.#foreign = false
    this.#known = this.#state?.changes
  }

  #restoreClock(): void {
    const { clock } = this.state
    const since = this.journal.entries.filter((entry) => entry.counter >= clock.counter)
    const lastPaymentMs = Math.max(0, ...since.map((entry) => entry.payment?.initiatedAtMs ?? 0))
    this.clock.restore(clock, lastPaymentMs)
  }

  async #announce(counters: readonly number[]): Promise<void> {
    if (this.#options.exclusive) await this.update({ changes: withChange(this.state.changes, counters) })
  }
}

function tell(channel: Channel | undefined): void {
  try {
    channel?.post()
  } catch {
    // Closed, perhaps. What was written stands, and others read it under the lock.
  }
}
