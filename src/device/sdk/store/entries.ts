import type { CounterRecord, DamagedRecord } from './counter-record.ts'
import type { Entry } from './entry.ts'
import type { Admission } from './payment-record.ts'

/** The journal as it is held in memory: a payment, or what is left of one, for each counter. */
export class Entries {
  readonly #entries = new Map<number, Entry>()
  readonly #damaged = new Map<number, DamagedRecord>()

  /** In the order of their counters. */
  get all(): readonly Entry[] {
    return [...this.#entries.values()].sort((a, b) => a.counter - b.counter)
  }

  get damaged(): readonly DamagedRecord[] {
    return [...this.#damaged.values()].sort((a, b) => a.counter - b.counter)
  }

  get(counter: number): Entry | undefined {
    return this.#entries.get(counter)
  }

  damage(counter: number): DamagedRecord | undefined {
    return this.#damaged.get(counter)
  }

  isReceipted(counter: number): boolean {
    return this.#entries.get(counter)?.admitted !== undefined || this.#damaged.get(counter)?.receipted === true
  }

  clear(): void {
    this.#entries.clear()
    this.#damaged.clear()
  }

  /** Forgets the counters below. */
  keepFrom(counter: number): void {
    for (const map of [this.#entries, this.#damaged]) for (const own of map.keys()) if (own < counter) map.delete(own)
  }

  delete(counter: number): void {
    this.#entries.delete(counter)
    this.#damaged.delete(counter)
  }

  set(entry: Entry): void {
    this.#damaged.delete(entry.counter)
    this.#entries.set(entry.counter, entry)
  }

  /** Takes over what was read. An admission that is known stays known. */
  take(counter: number, { entry, damaged }: CounterRecord): void {
    const admitted = this.#entries.get(counter)?.admitted
    const receipted = this.isReceipted(counter)
    this.delete(counter)
    if (damaged) this.#damaged.set(counter, { ...damaged, receipted })
    if (entry) this.#entries.set(counter, { ...entry, admitted })
  }

  change(counter: number, change: Partial<Entry>): Entry | undefined {
    const entry = this.#entries.get(counter)
    if (entry === undefined) return undefined
    const changed = { ...entry, ...change }
    this.#entries.set(counter, changed)
    return changed
  }

  /** @returns the payments that were not admitted before */
  admit(admission: Admission): readonly Entry[] {
    const changed: Entry[] = []
    for (let counter = admission.first; counter <= admission.last; counter++) {
      const damaged = this.#damaged.get(counter)
      if (damaged) this.#damaged.set(counter, { ...damaged, receipted: true })
      // The first admission stands: a payment that was sent again is the same payment.
      if (this.#entries.get(counter)?.admitted !== undefined) continue
      const admitted = { seq: admission.seq, ...admission.decisionFor(counter) }
      const entry = this.change(counter, { admitted })
      if (entry !== undefined) changed.push(entry)
    }
    return changed
  }
}
