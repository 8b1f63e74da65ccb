import { type CounterSet, hasCounter, type Range } from '../../../protocol/counters.ts'
import { COUNTER_MAX } from '../../../protocol/limits.ts'
import type { Outcome } from '../../../protocol/notice.ts'
import type { Payment } from '../../../protocol/payment.ts'
import type { Verdict } from '../../../protocol/rules.ts'
import { asStorageFailure, OfflineError } from '../errors.ts'
import { Admissions } from './admissions.ts'
import { ByHand } from './by-hand.ts'
import {
  counterOf,
  type DamagedRecord,
  dismissedKey,
  outcomeKey,
  paymentKey,
  readCounter,
  voidKey,
} from './counter-record.ts'
import type { DeviceState } from './device-state.ts'
import { Entries } from './entries.ts'
import { type Entry, isSettled, newEntry, replaces } from './entry.ts'
import { type AdmissionRecord, encodePayment } from './payment-record.ts'
import type { Records } from './records.ts'
import { WriteOnce } from './write-once.ts'

/** Records are read this many at a time, for stores that answer through a bridge. */
const READ_BATCH = 64
/** The end of the journal is this many counters without a record: one that the store lost must not hide those after it. */
const PROBE_PAST_END = 4

/** Counters that are given up in one step, each shown as absent: bounds what one answer can make the device do. */
const SKIP_MAX = 1000

export type Restorable = Pick<Entry, 'payment' | 'expected' | 'voided'>

type Head = Pick<DeviceState, 'firstCounter' | 'nextCounter' | 'knownFrom' | 'firstSeq' | 'seq' | 'leftOut'>

/**
 * The payments on the device, a record each. Writing the record is taking the payment and giving it its counter, in one
 * step. Callers hold the device's lock.
 */
export class Journal {
  readonly #records: Records
  readonly #entries = new Entries()
  /** Counters that are in a bundle, which may have been sent. */
  readonly #bundled = new Set<number>()
  readonly #once: WriteOnce
  readonly byHand: ByHand
  readonly admissions: Admissions
  #firstCounter = 1
  #nextCounter = 1
  #knownFrom = 1
  #leftOut: Range = NO_RANGE
  #outcomeLost = false
  #locked = false

  /**
   * @param announce makes other contexts on the storage read these counters again; to be awaited before anything that they
   * may know is changed
   */
  constructor(records: Records, announce: (counters: readonly number[]) => Promise<void>) {
    this.#records = records
    this.#once = new WriteOnce(records, (keys) => announce([...keys].map(counterOf)))
    this.admissions = new Admissions(records)
    this.byHand = new ByHand({
      records,
      entries: this.#entries,
      once: this.#once,
      announce,
      isBundled: (counter) => this.#bundled.has(counter),
      reload: (counter) => this.#loadCounter(counter),
    })
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

  /** Payments that no verified admission covers. */
  get unsent(): readonly Entry[] {
    return this.entries.filter((entry) => entry.admitted === undefined)
  }

  /** How many records without an acknowledgement cannot be read, and wait for a person. */
  get unread(): number {
    return this.damaged.filter(({ kind, receipted, dismissed }) => kind !== 'absent' && !receipted && !dismissed).length
  }

  /** Whether nothing under a counter is waited for, though there is no payment that can be read. */
  isSettledWithout(counter: number): boolean {
    const damaged = this.#entries.damage(counter)
    return damaged === undefined || damaged.kind === 'absent' || damaged.receipted || damaged.dismissed === true
  }

  /** Reads what is on disk. The head in the state lags: the journal goes on for as long as there are records. */
  async load(head: Head): Promise<void> {
    this.#entries.clear()
    this.#bundled.clear()
    this.#locked = false
    this.#begin(head)
    await this.#loadAll(this.#range(head.firstCounter, head.nextCounter))
    await this.#probe(head.nextCounter)
    this.admissions.startAt(head.firstSeq)
    await this.#loadAdmissions(head.seq)
  }

  #begin({ firstCounter, knownFrom, leftOut }: Head): void {
    this.#leftOut = leftOut?.counters ?? NO_RANGE
    this.#firstCounter = firstCounter
    this.#knownFrom = knownFrom
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
    const known = new Map(this.entries.map((entry) => [entry.counter, entry]))
    this.#entries.keepFrom(head.firstCounter)
    const held = [...this.entries, ...this.damaged]
    const again = changed
      ? held.filter(({ counter }) => hasCounter(changed, counter))
      : held.filter((entry) => !('voided' in entry && isSettled(entry)))
    // Payments of an export may have come back below what was here.
    const firstCounter = this.#firstCounter
    this.#begin(head)
    const before = this.#range(head.firstCounter, firstCounter)
    const later = this.#range(this.#nextCounter, head.nextCounter)
    await this.#loadAll([...before, ...again.map(({ counter }) => counter), ...later])
    await this.#probe(Math.max(this.#nextCounter, head.nextCounter))
    await this.#loadAdmissions(head.seq)
    return this.entries.filter((entry) => {
      const was = known.get(entry.counter)
      return entry !== was && JSON.stringify(entry) !== JSON.stringify(was)
    })
  }

  /**
   * Takes a payment.
   *
   * @param terms makes the payment once its counter is known
   * @param before is carried out with the counter before the payment is written under it
   * @throws OfflineError `storage_failed` with money `not_taken`
   */
  async take(
    terms: (counter: number) => Payment,
    expected: Verdict,
    policyVersion: number,
    before?: (counter: number) => Promise<void>,
  ): Promise<Entry> {
    try {
      await this.undoFailedWrites()
      // Nothing but this journal writes here; if something did, its record is kept and the next counter is taken.
      await this.#probe(this.#nextCounter, 1)
      const counter = this.#nextCounter
      if (counter > COUNTER_MAX) throw new OfflineError('numbers_used_up')
      const payment = terms(counter)
      await before?.(counter)
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
   * Writes a payment of an export under its own counter, which must be set aside for it: what of it is whole stays, and what
   * is not was torn while it was written.
   *
   * @throws OfflineError `storage_failed`
   */
  async restore(counter: number, { payment, expected, voided }: Restorable, policyVersion: number): Promise<void> {
    const writeOnce = async (key: string, body: unknown) => {
      if ((await this.#records.read(key)).kind !== 'whole') await this.#once.write(key, body)
    }
    // The void first: cut off between the two, the payment must not look as if it stood.
    if (voided) await writeOnce(voidKey(counter), { counter })
    if (payment) await writeOnce(paymentKey(counter), encodePayment(payment, expected, policyVersion))
    await this.#loadCounter(counter)
  }

  /** What failed writes left behind stands: another context may have built on it. @returns its counters */
  adopt(): CounterSet {
    return this.#once.adopt().map((key) => [counterOf(key), counterOf(key)])
  }

  /** Before a bundle is built: no record may be in it that its caller was told does not exist. */
  undoFailedWrites(): Promise<void> {
    return this.#once.undoFailed()
  }

  /** Marked before the bundle is written, and for good: the write may have happened even when it failed. */
  markBundled(first: number, last: number): void {
    for (let counter = first; counter <= last; counter++) this.#bundled.add(counter)
  }

  /** @returns the payments that were not admitted before */
  async admit(seq: number, record: AdmissionRecord): Promise<readonly Entry[]> {
    return this.#entries.admit(await this.admissions.write(seq, record))
  }

  /** @returns the payment when its outcome is news */
  async recordOutcome({ counter, ...outcome }: Outcome): Promise<Entry | undefined> {
    const entry = this.#entries.get(counter)
    if (entry === undefined || !replaces(entry.outcome, { counter, ...outcome })) return undefined
    if (JSON.stringify(entry.outcome) === JSON.stringify(outcome)) return undefined
    await this.#records.write(outcomeKey(counter), outcome)
    return this.#entries.change(counter, { outcome })
  }

  /** Never gives out a counter below this one: the edge has seen those before it. */
  async skipTo(counter: number): Promise<void> {
    const to = Math.min(counter, this.#nextCounter + SKIP_MAX, COUNTER_MAX + 1)
    while (this.#nextCounter < to) {
      await this.#loadCounter(this.#nextCounter)
      this.#nextCounter++
    }
  }

  /**
   * Removes the records of counters `from` … `to`-1, except what a person has dismissed: nobody has acknowledged that. They
   * must be below the stored `firstCounter`.
   */
  async removePayments(from: number, to: number): Promise<void> {
    for (const counter of this.#range(from, to)) {
      this.#entries.delete(counter)
      if ((await this.#records.text(dismissedKey(counter))) !== undefined) continue
      for (const key of [outcomeKey(counter), voidKey(counter), paymentKey(counter)]) await this.#records.remove(key)
    }
  }

  /** Counters `from` … `to`-1 but those that were given to nothing. */
  #range(from: number, to: number): readonly number[] {
    const [first, last] = this.#leftOut
    return [...range(from, Math.min(to, first)), ...range(Math.max(from, last + 1), to)]
  }

  async #loadAdmissions(to: number): Promise<void> {
    for (const admission of await this.admissions.loadTo(to)) this.#entries.admit(admission)
  }

  async #loadAll(counters: readonly number[]): Promise<void> {
    for (let from = 0; from < counters.length; from += READ_BATCH) {
      await Promise.all(counters.slice(from, from + READ_BATCH).map((counter) => this.#loadCounter(counter)))
    }
  }

  /** @returns whether there is any record of this counter */
  async #loadCounter(counter: number): Promise<boolean> {
    const record = await readCounter(this.#records, counter)
    // Given out before this storage's state began, to another one: nothing is lost here.
    if (record.damaged?.kind === 'absent' && counter < this.#knownFrom) this.#entries.delete(counter)
    else this.#entries.take(counter, record)
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

const NO_RANGE: Range = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
