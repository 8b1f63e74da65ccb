import type { Fetch, Storage } from '../../src/device/sdk/index.ts'
import type { Timers } from '../../src/device/sdk/sync/transport.ts'
import type { Random } from '../time/random.ts'
import type { Scheduler } from '../time/scheduler.ts'

/** What one item of a device's storage was before a write that is under way. */
interface Writing {
  readonly key: string
  readonly value: string
}

/** Longest time that a device's storage takes for one call, milliseconds. */
const STORAGE_MS_MAX = 4
/** Chance that the record that was being written when the power went is neither the old one nor the new one. */
const TORN = 0.3

/**
 * One run of a device's process, from its start to its death. A dead process never goes on: whatever it waits for does not
 * come, no timer of it fires, and nothing it sends leaves. What its storage had said that it holds stays.
 */
export class Life {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly disk: Map<string, string>
  readonly #writing = new Set<Writing>()
  #isOver = false
  /** Storage calls that were answered: a death can be planned between any two of them. */
  calls = 0
  #lastCall = Number.POSITIVE_INFINITY
  #died: (() => void) | undefined

  constructor(scheduler: Scheduler, random: Random, disk: Map<string, string>) {
    this.#scheduler = scheduler
    this.#random = random
    this.disk = disk
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** The process dies before its storage answers this many more calls. */
  endAfter(calls: number, died: () => void): void {
    this.#lastCall = this.calls + calls
    this.#died = died
  }

  /** Nothing is planned for it any more. */
  spare(): void {
    this.#lastCall = Number.POSITIVE_INFINITY
  }

  /** Dies now. A write under way was carried out, was not, or was cut off in the middle. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const { key, value } of this.#writing) {
      if (this.#random.chance(TORN)) this.disk.set(key, value.slice(0, this.#random.between(0, value.length - 1)))
      else if (this.#random.chance(0.5)) this.disk.set(key, value)
    }
    this.#writing.clear()
    this.#died?.()
  }

  storage(): Storage {
    const disk = this.disk
    return {
      getItem: (key) => this.#call(() => disk.get(key) ?? null),
      setItem: (key, value) => {
        const writing = { key, value }
        this.#writing.add(writing)
        return this.#call(() => {
          this.#writing.delete(writing)
          disk.set(key, value)
        })
      },
      removeItem: (key) => this.#call(() => void disk.delete(key)),
      keys: () => this.#call(() => [...disk.keys()]),
    }
  }

  network(fetch: Fetch): Fetch {
    return async (url, request) => {
      await this.#alive()
      const answer = await fetch(url, request)
      await this.#alive()
      return answer
    }
  }

  timers(): Timers {
    return {
      set: (run, delayMs) => this.#scheduler.after(delayMs, () => this.#isOver || run()),
      clear: (timer) => (timer as { cancel(): void } | undefined)?.cancel(),
    }
  }

  async #call<T>(call: () => T): Promise<T> {
    await this.#alive()
    await this.#scheduler.sleep(this.#random.next() * STORAGE_MS_MAX)
    if (++this.calls > this.#lastCall) this.end()
    await this.#alive()
    return call()
  }

  /** Never comes back to a process that is dead. */
  #alive(): Promise<void> {
    return this.#isOver ? new Promise(() => undefined) : Promise.resolve()
  }
}
