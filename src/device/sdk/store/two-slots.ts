import { OfflineError } from '../errors.ts'
import type { Records } from './records.ts'

interface Slot<T> {
  readonly generation: number
  readonly value: T
}

type Texts = readonly [string | undefined, string | undefined]

/**
 * One value that is replaced again and again, in two records used in turn. A write that is cut off damages the older
 * generation's place and leaves the newest whole one readable: to the reader it never happened.
 */
export class TwoSlots<T> {
  readonly #records: Records
  readonly #key: string
  #newest: Slot<T> | undefined
  #damaged: readonly number[] = []
  /** What stood in the slots when they were last read or written. */
  #texts: Texts = [undefined, undefined]
  /** What we wrote since, or tried to: the store may have kept it. */
  #tried: readonly string[] = []

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

  /**
   * @returns whether another context has written since the last time
   * @throws OfflineError `store_locked` when a slot is sealed with another key, `store_newer` when a later version of the
   * app wrote it: neither may be written over
   */
  async load(): Promise<boolean> {
    const texts: Texts = [await this.#records.text(this.#slotKey(0)), await this.#records.text(this.#slotKey(1))]
    const slots = await Promise.all(
      texts.map(async (text, index) =>
        text === undefined ? undefined : this.#records.decode(this.#slotKey(index), text),
      ),
    )
    const kinds = slots.map((slot) => slot?.kind)
    if (kinds.includes('locked')) throw new OfflineError('store_locked')
    if (kinds.includes('newer')) throw new OfflineError('store_newer')
    const whole = slots.flatMap((slot) => (slot?.kind === 'whole' ? [slot.body as Slot<T>] : []))
    this.#newest = whole.sort((a, b) => b.generation - a.generation)[0]
    this.#damaged = [0, 1].filter((index) => kinds[index] === 'damaged')
    const known = [...this.#texts, ...this.#tried]
    this.#texts = texts
    this.#tried = []
    return !known.includes(texts[(this.#newest?.generation ?? 0) % 2])
  }

  /** Whether what is on disk may be newer than the value here: the next generation's slot is not as it was. */
  async changed(): Promise<boolean> {
    return (await this.#records.text(this.#slotKey(this.#next))) !== this.#texts[this.#next % 2]
  }

  /** @throws OfflineError `storage_failed`; the value is then still the one before */
  async write(value: T): Promise<void> {
    const slot = { generation: this.#next, value }
    const key = this.#slotKey(slot.generation)
    const text = await this.#records.encode(key, slot)
    this.#tried = [...this.#tried, text]
    await this.#records.put(key, text)
    this.#tried = []
    this.#put(slot.generation, text)
    this.#newest = slot
  }

  /** Removes what cannot be read, once it is known what it stood for. */
  async dropDamaged(): Promise<void> {
    for (const index of this.#damaged) {
      await this.#records.remove(this.#slotKey(index))
      this.#put(index, undefined)
    }
  }

  #put(generation: number, text: string | undefined): void {
    const [even, odd] = this.#texts
    this.#texts = generation % 2 === 0 ? [text, odd] : [even, text]
    this.#damaged = this.#damaged.filter((index) => index !== generation % 2)
  }

  get #next(): number {
    return (this.#newest?.generation ?? 0) + 1
  }

  #slotKey(generation: number): string {
    return `${this.#key}/${generation % 2}`
  }
}
