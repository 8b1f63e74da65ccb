import { type CounterSet, hasCounter } from '../protocol/counters.ts'
import { COUNTER_MAX } from '../protocol/limits.ts'
import type { Outcome } from '../protocol/notice.ts'
import type { Payment } from '../protocol/payment.ts'
import type { Verdict } from '../protocol/rules.ts'
import { counterOf, type DamagedRecord, outcomeKey, paymentKey, readCounter, voidKey } from './counter-record.ts'
import type { DeviceState } from './device-state.ts'
import { Entries } from './entries.ts'
import { type Entry, isSettled, newEntry, replaces } from './entry.ts'
import { asStorageFailure, OfflineError } from './errors.ts'
import {
  type Admission,
  type AdmissionRecord,
  decodeAdmission,
  decodePayment,
  encodePayment,
} from './payment-record.ts'
import type { Records } from './records.ts'
import { WriteOnce } from './write-once.ts'

/** Records are read this many at a time, for stores that answer through a bridge. */
const READ_BATCH = 64
/** The end of the journal is this many counters without a record: one that the store lost must not hide those after it. */
const PROBE_PAST_END = 4

/** Counters that are given up in one step, each shown as absent: bounds what one answer can make the device do. */
const SKIP_MAX = 1000

const admissionKey = (seq: number): string => `admission/${seq}`

type Head = Pick<DeviceState, 'firstCounter' | 'nextCounter' | 'firstSeq' | 'seq'>

/**
 * The payments on the device, a record each. Writing the record is taking the payment and giving it its counter, in one
 * step. Callers hold the device's lock.
 */
export class Journal {
  readonly #records: Records
  readonly #announce: (counters: readonly number[]) => Promise<void>
  readonly #entries = new Entries()
  /** Counters that are in a bundle, which may have been sent. */
  readonly #bundled = new Set<number>()
  readonly #once: WriteOnce
  #nextCounter = 1
  #lastSeq = 0
  #outcomeLost = false
  #locked = false

  /**
   * @param announce makes other contexts on the storage read these counters again; to be awaited before anything that they
   * may know is changed
   */
  constructor(records: Records, announce: (counters: readonly number[]) => Promise<void>) {
    this.#records = records
    this.#announce = announce
    this.#once = new WriteOnce(records, (keys) => announce([...keys].map(counterOf)))
  }

  get nextCounter(): number {
    return this.#nextCounter
  }

  /** Whether an outcome could not be read: all of them are then asked for again. */
  get outcomeLost(): boolean {
    return this.#outcomeLost
  }

  /** Whether anything that was read is sealed with another key than ours. */
  get locked(): boolean {
    return this.#locked
  }

  outcomesReplayed(): void {
    this.#outcomeLost = false
  }

  /** In the order of their counters. */
  get entries(): readonly Entry[] {
    return this.#entries.all
  }

  get damaged(): readonly DamagedRecord[] {
    return this.#entries.damaged
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
  async load(head: Head): Promise<void> {
    this.#entries.clear()
    this.#bundled.clear()
    this.#locked = false
    await this.#loadAll(range(head.firstCounter, head.nextCounter))
    await this.#probe(head.nextCounter)
    this.#lastSeq = head.firstSeq - 1
    await this.#loadAdmissions(head.seq)
  }

  /** Whether another context has taken a payment since. */
  async hasMore(): Promise<boolean> {
    let counter = this.#nextCounter
    // What a failed write of ours may have left is none of theirs.
    while (this.#once.isDoubtful(paymentKey(counter))) counter++
    return (await this.#records.text(paymentKey(counter))) !== undefined
  }

  /**
   * Reads again what another context has changed, and what is new.
   *
   * @param changed undefined when it is not known: whatever is not settled for good is then read
   * @returns the payments that look different now
   */
  async refresh(head: Head, changed: CounterSet | undefined): Promise<readonly Entry[]> {
    const before = new Map(this.entries.map((entry) => [entry.counter, entry]))
    this.#entries.keepFrom(head.firstCounter)
    const known = [...this.entries, ...this.damaged]
    const again = changed
      ? known.filter(({ counter }) => hasCounter(changed, counter))
      : known.filter((entry) => !('voided' in entry && isSettled(entry)))
    await this.#loadAll([...again.map(({ counter }) => counter), ...range(this.#nextCounter, head.nextCounter)])
    await this.#probe(Math.max(this.#nextCounter, head.nextCounter))
    await this.#loadAdmissions(head.seq)
    return this.entries.filter((entry) => {
      const known = before.get(entry.counter)
      return entry !== known && JSON.stringify(entry) !== JSON.stringify(known)
    })
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
      this.#entries.set(entry)
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
    const damaged = this.#entries.damage(counter)
    if (entry?.voided) return
    if (entry === undefined && (damaged === undefined || damaged.kind === 'absent'))
      throw new OfflineError('no_such_payment')
    this.#assertNeverSent(counter, voidFrom)
    const stored = await this.#records.read(paymentKey(counter))
    await this.#announce([counter])
    if (damaged?.kind === 'void_unreadable') await this.#records.remove(voidKey(counter))
    await this.#once.write(voidKey(counter), { counter })
    // From here on nothing may fail: the payment is voided, and the caller must hear that it is.
    const terms = stored.kind === 'whole' ? decodePayment(stored.body) : undefined
    this.#entries.set({ ...newEntry(counter, terms), ...entry, voided: true })
  }

  /**
   * A payment whose void cannot be read stands: a person has decided so.
   *
   * @throws OfflineError `no_such_payment` when there is no such decision to take, `already_bundled`, `storage_failed`
   */
  async keepPayment(counter: number, voidFrom: number): Promise<void> {
    if (this.#entries.damage(counter)?.kind !== 'void_unreadable') throw new OfflineError('no_such_payment')
    this.#assertNeverSent(counter, voidFrom)
    await this.#announce([counter])
    await this.#records.remove(voidKey(counter))
    await this.#loadCounter(counter)
  }

  /** What the edge may have been told of a counter cannot be changed here any more. */
  #assertNeverSent(counter: number, voidFrom: number): void {
    if (this.#entries.isReceipted(counter)) throw new OfflineError('already_bundled', { money: 'receipted' })
    if (this.#bundled.has(counter) || counter < voidFrom) throw new OfflineError('already_bundled')
  }

  /** What failed writes left behind stands: another context may have built on it. @returns its counters */
  adopt(): CounterSet {
    return this.#once.adopt().map((key) => [counterOf(key), counterOf(key)])
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
    this.#lastSeq = seq
    return this.#entries.admit(decodeAdmission(seq, record))
  }

  /** @returns the payment when its outcome is news */
  async recordOutcome({ counter, ...outcome }: Outcome): Promise<Entry | undefined> {
    const entry = this.#entries.get(counter)
    if (entry === undefined || !replaces(entry.outcome, { counter, ...outcome })) return undefined
    if (JSON.stringify(entry.outcome) === JSON.stringify(outcome)) return undefined
    await this.#records.write(outcomeKey(counter), outcome)
    return this.#entries.change(counter, { outcome })
  }

  /** @returns those of the counters that there is a record of */
  async found(counters: readonly number[]): Promise<readonly number[]> {
    const found: number[] = []
    for (const counter of counters) {
      if ((await this.#records.text(paymentKey(counter))) !== undefined) found.push(counter)
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

  async #readAdmission(seq: number): Promise<Admission | undefined> {
    const stored = await this.#records.read(admissionKey(seq))
    if (stored.kind !== 'whole') return undefined
    try {
      return decodeAdmission(seq, stored.body as AdmissionRecord)
    } catch {
      return undefined
    }
  }

  /** @returns the last counter of an admission on disk */
  async lastCounterOf(seq: number): Promise<number | undefined> {
    return (await this.#readAdmission(seq))?.last
  }

  async #loadAdmissions(to: number): Promise<void> {
    while (this.#lastSeq < to) {
      const admission = await this.#readAdmission(this.#lastSeq + 1)
      this.#lastSeq++
      // Without it, its payments are sent once more: the edge and the ledger know them by their counters.
      if (admission !== undefined) this.#entries.admit(admission)
    }
  }

  async #loadAll(counters: readonly number[]): Promise<void> {
    for (let from = 0; from < counters.length; from += READ_BATCH) {
      await Promise.all(counters.slice(from, from + READ_BATCH).map((counter) => this.#loadCounter(counter)))
    }
  }

  /** @returns whether there is any record of this counter */
  async #loadCounter(counter: number): Promise<boolean> {
    const record = await readCounter(this.#records, counter)
    this.#entries.take(counter, record)
    if (record.outcomeLost) this.#outcomeLost = true
    if (record.locked) this.#locked = true
    return record.exists
  }

  /** Goes on from a counter for as long as there are records. */
  async #probe(from: number, past = PROBE_PAST_END): Promise<void> {
    this.#nextCounter = from
    for (let counter = from; counter < this.#nextCounter + past; counter++) {
      if (await this.#loadCounter(counter)) this.#nextCounter = counter + 1
    }
    for (let counter = this.#nextCounter; counter < this.#nextCounter + past; counter++) this.#entries.delete(counter)
  }
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
