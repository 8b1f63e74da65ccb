import type { CryptoSuite } from '../crypto/suite.ts'
import { equalBytes } from '../protocol/bytes.ts'
import type { DeviceId } from '../protocol/ids.ts'
import type { ChainHead } from './chain-proof.ts'
import { type ClockSource, CorrectedClock } from './clock.ts'
import { type DeviceState, decodeState, type EncodedState, encodeState } from './device-state.ts'
import type { Entry } from './entry.ts'
import { OfflineError } from './errors.ts'
import { Journal } from './journal.ts'
import { Mutex } from './mutex.ts'
import { decodeOutgoing, type EncodedOutgoing, encodeOutgoing, type Outgoing } from './outgoing.ts'
import type { AdmissionRecord } from './payment-record.ts'
import { Records } from './records.ts'
import type { Storage } from './storage.ts'
import { TwoSlots } from './two-slots.ts'

export interface LocalDeviceOptions {
  readonly deviceId: DeviceId
  readonly storage: Storage
  readonly suite: CryptoSuite
  readonly clock: ClockSource
  readonly randomBytes: (length: number) => Uint8Array
}

/**
 * The device as it is on disk: state, journal, bundle in flight. Every change goes through the mutex, and memory follows
 * only after the write.
 */
export class LocalDevice {
  readonly deviceId: DeviceId
  readonly mutex = new Mutex()
  readonly journal: Journal
  readonly clock: CorrectedClock
  readonly #stateSlots: TwoSlots<EncodedState>
  readonly #outgoingSlots: TwoSlots<EncodedOutgoing>
  #state: DeviceState | undefined
  #outgoing: Outgoing | undefined

  constructor({ deviceId, storage, suite, clock, randomBytes }: LocalDeviceOptions) {
    const records = new Records(storage, `molam/${deviceId}/`, suite)
    this.deviceId = deviceId
    this.journal = new Journal(records)
    this.clock = new CorrectedClock(clock, randomBytes)
    this.#stateSlots = new TwoSlots(records, 'state')
    this.#outgoingSlots = new TwoSlots(records, 'outgoing')
  }

  /** @returns whether there is a state: without one the device has to ask the edge where it stands */
  async load(): Promise<boolean> {
    await this.#stateSlots.load()
    await this.#outgoingSlots.load()
    const stored = this.#outgoingSlots.value
    this.#outgoing = stored && decodeOutgoing(stored)
    const encoded = this.#stateSlots.value
    if (encoded === undefined) return false
    await this.#loaded(decodeState(encoded))
    return true
  }

  /** Takes over the first state. Payments that are on disk already are found from its first counter on. */
  async begin(state: DeviceState): Promise<void> {
    await this.journal.load(state)
    const { nextCounter, entries } = this.journal
    // Without a state it is not known which of the payments found had left the device, nor what was heard of them.
    const cursor = entries.length > 0 ? 0 : state.cursor
    const begun = { ...state, nextCounter, voidFrom: nextCounter, cursor }
    await this.#stateSlots.write(encodeState(begun))
    await this.#loaded(begun)
  }

  get hasState(): boolean {
    return this.#state !== undefined
  }

  /** @throws OfflineError `not_ready` */
  get state(): DeviceState {
    if (this.#state === undefined) throw new OfflineError('not_ready')
    return this.#state
  }

  /** One write; the caller holds the mutex. */
  async update(change: Partial<DeviceState>): Promise<void> {
    await this.replace({ ...this.state, ...change })
  }

  /** As `update`, and a field that is left out is gone. */
  async replace(next: DeviceState): Promise<void> {
    const state: DeviceState = { ...next, nextCounter: this.journal.nextCounter }
    await this.#stateSlots.write(encodeState(state))
    const clockIsNew = state.clock !== this.#state?.clock
    this.#state = state
    if (clockIsNew) this.clock.learn(state.clock)
  }

  /** The bundle in flight. One at or before the chain's head is done: advancing the head is what clears it. */
  get outgoing(): Outgoing | undefined {
    return this.#outgoing !== undefined && this.#outgoing.seq > this.state.seq ? this.#outgoing : undefined
  }

  /** Whether the edge has to be asked what became of the bundle in flight before anything is sent. */
  get chainInDoubt(): boolean {
    if (!this.hasState) return false
    const { outgoing, state } = this
    if (outgoing === undefined) return this.#outgoingSlots.damaged
    return outgoing.seq !== state.seq + 1 || !equalBytes(outgoing.prev, state.prev)
  }

  /** Stores the bundle in flight, before it is sent; the caller holds the mutex. */
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
    const admitted = await this.journal.admit(seq, proof)
    const { blocked, ...unblocked } = this.state
    // A receipt answers a push: the edge takes bundles from this device.
    const stillBlocked = blocked && proof.proof !== 'receipt' && { blocked }
    await this.replace({ ...unblocked, ...stillBlocked, seq, prev })
    return admitted
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

  async #loaded(state: DeviceState): Promise<void> {
    await this.journal.load(state)
    this.#state = state
    const since = this.journal.entries.filter((entry) => entry.counter >= state.clock.counter)
    this.clock.restore(state.clock, Math.max(0, ...since.map((entry) => entry.payment?.initiatedAtMs ?? 0)))
    if (this.outgoing) this.journal.markBundled(this.outgoing.firstCounter, this.outgoing.lastCounter)
  }
}
