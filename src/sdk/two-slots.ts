import type { Records } from './records.ts'

interface Slot<T> {
  readonly generation: number
  readonly value: T
}

/**
 * One value that is replaced again and again, in two records used in turn. A write that is cut off damages the older
 * generation's place and leaves the newest whole one readable: to the reader it never happened.
 */
export class TwoSlots<T> {
  readonly #records: Records
  readonly #key: string
  #newest: Slot<T> | undefined
  #damaged: readonly number[] = []

  constructor(records: Records, key: string) {
    this.#records = records
    this.#key = key
  }

  get value(): T | undefined {
    return this.#newest?.value
  }

  /** Whether a slot holds something unreadable: a write that was cut off, or a later generation that was lost. */
  get damaged(): boolean {
    return this.#damaged.length > 0
  }

  async load(): Promise<void> {
    const stored = [await this.#records.read(this.#slotKey(0)), await this.#records.read(this.#slotKey(1))]
    const whole = stored.flatMap((slot) => (slot.kind === 'whole' ? [slot.body as Slot<T>] : []))
    this.#newest = whole.sort((a, b) => b.generation - a.generation)[0]
    this.#damaged = [0, 1].filter((index) => stored[index]?.kind === 'damaged')
  }

  /** @throws OfflineError `storage_failed`; the value is then still the one before */
  async write(value: T): Promise<void> {
    const slot = { generation: (this.#newest?.generation ?? 0) + 1, value }
    await this.#records.write(this.#slotKey(slot.generation), slot)
    this.#newest = slot
    this.#damaged = this.#damaged.filter((index) => index !== slot.generation % 2)
  }

  /** Removes what cannot be read, once it is known what it stood for. */
  async dropDamaged(): Promise<void> {
    for (const index of this.#damaged) await this.#records.remove(this.#slotKey(index))
    this.#damaged = []
  }

  #slotKey(generation: number): string {
    return `${this.#key}/${generation % 2}`
  }
}
