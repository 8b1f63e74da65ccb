import { COUNTER_MAX } from '../protocol/limits.ts'
import type { Outcome } from '../protocol/notice.ts'
import type { Payment } from '../protocol/payment.ts'
import type { Verdict } from '../protocol/rules.ts'
import type { DeviceState } from './device-state.ts'
import { type Entry, newEntry, replaces } from './entry.ts'
import { asStorageFailure, OfflineError } from './errors.ts'
import {
  type Admission,
  type AdmissionRecord,
  decodeAdmission,
  decodePayment,
  encodePayment,
  type OutcomeRecord,
} from './payment-record.ts'
import type { Records } from './records.ts'
import { WriteOnce } from './write-once.ts'

/**
 * A counter whose record cannot be used. It is never sent and never given out again; a person decides.
 *
 * - `unreadable`: the record does not check out. Nobody can prove that the payer was not told "paid".
 * - `absent`: the counter is used up and there is no record: the store lost it, or a copy of this device used it.
 * - `void_unreadable`: the payment is whole, and whether it was voided cannot be read.
 */
export interface DamagedRecord {
  readonly counter: number
  readonly kind: 'unreadable' | 'absent' | 'void_unreadable'
  /** The edge has acknowledged the payment: only the copy here is lost. */
  readonly receipted: boolean
  /** The record's text as it stands, which stays where it is. */
  readonly raw?: string
}

/** Records are read this many at a time, for stores that answer through a bridge. */
const READ_BATCH = 64
/** The end of the journal is this many counters without a record: one that the store lost must not hide those after it. */
const PROBE_PAST_END = 4

/** Counters that are given up in one step, each shown as absent: bounds what one answer can make the device do. */
const SKIP_MAX = 1000

const paymentKey = (counter: number): string => `payment/${counter}`
const voidKey = (counter: number): string => `void/${counter}`
const outcomeKey = (counter: number): string => `outcome/${counter}`
const admissionKey = (seq: number): string => `admission/${seq}`

/**
 * The payments on the device, a record each. Writing the record is taking the payment and giving it its counter, in one
 * step. Callers hold the device's mutex.
 */
export class Journal {
  readonly #records: Records
  readonly #entries = new Map<number, Entry>()
  readonly #damaged = new Map<number, DamagedRecord>()
  /** Counters that are in a bundle, which may have been sent. */
  readonly #bundled = new Set<number>()
  readonly #once: WriteOnce
  #nextCounter = 1
  #outcomeLost = false

  constructor(records: Records) {
    this.#records = records
    this.#once = new WriteOnce(records)
  }

  get nextCounter(): number {
    return this.#nextCounter
  }

  /** Whether an outcome could not be read: all of them are then asked for again. */
  get outcomeLost(): boolean {
    return this.#outcomeLost
  }

  outcomesReplayed(): void {
    this.#outcomeLost = false
  }

  /** In the order of their counters. */
  get entries(): readonly Entry[] {
    return [...this.#entries.values()].sort((a, b) => a.counter - b.counter)
  }

  get damaged(): readonly DamagedRecord[] {
    return [...this.#damaged.values()].sort((a, b) => a.counter - b.counter)
  }

  entry(counter: number): Entry | undefined {
    return this.#entries.get(counter)
  }

  /** Payments that no verified admission covers, voided ones among them: their counters still have to be accounted for. */
  get unsent(): readonly Entry[] {
    return this.entries.filter((entry) => entry.admitted === undefined)
  }

  /** How many payments only this storage knows, whole or not. */
  get unsynced(): number {
    return this.unsent.length + this.damaged.filter(({ kind, receipted }) => kind !== 'absent' && !receipted).length
  }

  /** Reads what is on disk. The head in the state lags: the journal goes on for as long as there are records. */
  async load(head: Pick<DeviceState, 'firstCounter' | 'nextCounter' | 'firstSeq' | 'seq'>): Promise<void> {
    this.#entries.clear()
    this.#damaged.clear()
    this.#bundled.clear()
    for (let from = head.firstCounter; from < head.nextCounter; from += READ_BATCH) {
      const to = Math.min(from + READ_BATCH, head.nextCounter)
      await Promise.all(Array.from({ length: to - from }, (_, index) => this.#loadCounter(from + index)))
    }
    await this.#probe(head.nextCounter)
    for (let seq = head.firstSeq; seq <= head.seq; seq++) {
      const admission = await this.#readAdmission(seq)
      // Without it, its payments are sent once more: the edge and the ledger know them by their counters.
      if (admission !== undefined) this.#admit(admission)
    }
  }

  /**
   * Takes a payment.
   *
   * @param terms makes the payment once its counter is known
   * @throws OfflineError `storage_failed` with money `not_taken`
   */
  async take(terms: (counter: number) => Payment, expected: Verdict, policyVersion: number): Promise<Entry> {
    try {
      await this.settle()
      // Nothing but this journal writes here; if something did, its record is kept and the next counter is taken.
      await this.#probe(this.#nextCounter, 1)
      const counter = this.#nextCounter
      if (counter > COUNTER_MAX) throw new RangeError('counters are used up')
      const payment = terms(counter)
      await this.#once.write(paymentKey(counter), encodePayment(payment, expected, policyVersion))
      const entry = newEntry(counter, { payment, expected })
      this.#entries.set(counter, entry)
      this.#nextCounter = counter + 1
      return entry
    } catch (error) {
      throw asStorageFailure(error, 'not_taken')
    }
  }

  /**
   * Voids a payment that has never been in a bundle.
   *
   * @throws OfflineError `no_such_payment`, `already_bundled`, `storage_failed` (then it is not voided)
   */
  async voidPayment(counter: number, voidFrom: number): Promise<void> {
    const entry = this.#entries.get(counter)
    const damaged = this.#damaged.get(counter)
    if (entry?.voided) return
    if (entry === undefined && (damaged === undefined || damaged.kind === 'absent'))
      throw new OfflineError('no_such_payment')
    this.#assertNeverSent(counter, voidFrom)
    const stored = await this.#records.read(paymentKey(counter))
    if (damaged?.kind === 'void_unreadable') await this.#records.remove(voidKey(counter))
    await this.#once.write(voidKey(counter), { counter })
    // From here on nothing may fail: the payment is voided, and the caller must hear that it is.
    const terms = stored.kind === 'whole' ? decodePayment(stored.body) : undefined
    this.#damaged.delete(counter)
    this.#entries.set(counter, { ...newEntry(counter, terms), ...entry, voided: true })
  }

  /**
   * A payment whose void cannot be read stands: a person has decided so.
   *
   * @throws OfflineError `no_such_payment` when there is no such decision to take, `already_bundled`, `storage_failed`
   */
  async keepPayment(counter: number, voidFrom: number): Promise<void> {
    if (this.#damaged.get(counter)?.kind !== 'void_unreadable') throw new OfflineError('no_such_payment')
    this.#assertNeverSent(counter, voidFrom)
    await this.#records.remove(voidKey(counter))
    await this.#loadCounter(counter)
  }

  /** What the edge may have been told of a counter cannot be changed here any more. */
  #assertNeverSent(counter: number, voidFrom: number): void {
    const receipted = this.#entries.get(counter)?.admitted !== undefined || this.#damaged.get(counter)?.receipted
    if (receipted) throw new OfflineError('already_bundled', { money: 'receipted' })
    if (this.#bundled.has(counter) || counter < voidFrom) throw new OfflineError('already_bundled')
  }

  /** Before a bundle is built: no record may be in it that its caller was told does not exist. */
  settle(): Promise<void> {
    return this.#once.settle()
  }

  /** Marked before the bundle is written, and for good: the write may have happened even when it failed. */
  markBundled(first: number, last: number): void {
    for (let counter = first; counter <= last; counter++) this.#bundled.add(counter)
  }

  /** @returns the payments that were not admitted before */
  async admit(seq: number, record: AdmissionRecord): Promise<readonly Entry[]> {
    await this.#records.write(admissionKey(seq), record)
    return this.#admit(decodeAdmission(seq, record))
  }

  /** @returns the payment when its outcome is news */
  async recordOutcome({ counter, ...outcome }: Outcome): Promise<Entry | undefined> {
    const entry = this.#entries.get(counter)
    if (entry === undefined || !replaces(entry.outcome, { counter, ...outcome })) return undefined
    if (JSON.stringify(entry.outcome) === JSON.stringify(outcome)) return undefined
    await this.#records.write(outcomeKey(counter), outcome)
    return this.#change(counter, { outcome })
  }

  /** @returns those of the counters that there is a record of */
  async found(counters: readonly number[]): Promise<readonly number[]> {
    const found: number[] = []
    for (const counter of counters) {
      if ((await this.#records.read(paymentKey(counter))).kind !== 'absent') found.push(counter)
    }
    return found
  }

  /** Never gives out a counter below this one: the edge has seen those before it. */
  async skipTo(counter: number): Promise<void> {
    const to = Math.min(counter, this.#nextCounter + SKIP_MAX, COUNTER_MAX + 1)
    while (this.#nextCounter < to) {
      await this.#loadCounter(this.#nextCounter)
      this.#nextCounter++
    }
  }

  /** Removes the records of counters `from` … `to`-1. They must be below the stored `firstCounter`. */
  async removePayments(from: number, to: number): Promise<void> {
    for (let counter = from; counter < to; counter++) {
      this.#entries.delete(counter)
      for (const key of [outcomeKey(counter), voidKey(counter), paymentKey(counter)]) await this.#records.remove(key)
    }
  }

  async removeAdmission(seq: number): Promise<void> {
    await this.#records.remove(admissionKey(seq))
  }

  /** @returns the last counter of an admission on disk */
  async lastCounterOf(seq: number): Promise<number | undefined> {
    return (await this.#readAdmission(seq))?.last
  }

  async #readAdmission(seq: number): Promise<Admission | undefined> {
    const stored = await this.#records.read(admissionKey(seq))
    if (stored.kind !== 'whole') return undefined
    try {
      return decodeAdmission(seq, stored.body as AdmissionRecord)
    } catch {
      return undefined
    }
  }

  /** @returns whether there is any record of this counter */
  async #loadCounter(counter: number): Promise<boolean> {
    const [payment, voided, outcome] = await Promise.all([
      this.#records.read(paymentKey(counter)),
      this.#records.read(voidKey(counter)),
      this.#records.read(outcomeKey(counter)),
    ])
    this.#entries.delete(counter)
    this.#damaged.delete(counter)
    const terms = payment.kind === 'whole' ? decodePayment(payment.body) : undefined
    if (outcome.kind === 'damaged') this.#outcomeLost = true
    if (voided.kind === 'damaged') {
      this.#damaged.set(counter, { counter, kind: 'void_unreadable', receipted: false, raw: voided.raw })
    } else if (terms === undefined && payment.kind !== 'absent' && voided.kind === 'absent') {
      const raw = payment.kind === 'damaged' ? payment.raw : JSON.stringify(payment.body)
      this.#damaged.set(counter, { counter, kind: 'unreadable', receipted: false, raw })
    } else if (payment.kind === 'absent' && voided.kind === 'absent') {
      this.#damaged.set(counter, { counter, kind: 'absent', receipted: false })
    } else {
      this.#entries.set(counter, {
        ...newEntry(counter, terms),
        voided: voided.kind === 'whole',
        outcome: outcome.kind === 'whole' ? (outcome.body as OutcomeRecord) : undefined,
      })
    }
    return payment.kind !== 'absent' || voided.kind !== 'absent'
  }

  /** Goes on from a counter for as long as there are records. */
  async #probe(from: number, past = PROBE_PAST_END): Promise<void> {
    this.#nextCounter = from
    for (let counter = from; counter < this.#nextCounter + past; counter++) {
      if (await this.#loadCounter(counter)) this.#nextCounter = counter + 1
    }
    for (let counter = this.#nextCounter; counter < this.#nextCounter + past; counter++) this.#damaged.delete(counter)
  }

  #admit(admission: Admission): readonly Entry[] {
    const changed: Entry[] = []
    for (let counter = admission.first; counter <= admission.last; counter++) {
      const damaged = this.#damaged.get(counter)
      if (damaged) this.#damaged.set(counter, { ...damaged, receipted: true })
      // The first admission stands: a payment that was sent again is the same payment.
      if (this.#entries.get(counter)?.admitted !== undefined) continue
      const admitted = { seq: admission.seq, ...admission.decisionFor(counter) }
      const entry = this.#change(counter, { admitted })
      if (entry !== undefined) changed.push(entry)
    }
    return changed
  }

  #change(counter: number, change: Partial<Entry>): Entry | undefined {
    const entry = this.#entries.get(counter)
    if (entry === undefined) return undefined
    const changed = { ...entry, ...change }
    this.#entries.set(counter, changed)
    return changed
  }
}
