import type { Random } from '../time/random.ts'

/**
 * Decides each time whether a fault strikes. Every kind draws from a stream of its own, so that one kind more changes nothing
 * about the others. None strikes until it is given a chance, and none after `stop`.
 *
 * @example
 * faults.set('answer_lost', 0.2)
 * faults.force('object_crashed') // the next call crashes its object
 */
export class Faults<Kind extends string> {
  readonly #random: Random
  readonly #streams = new Map<Kind, Random>()
  readonly #chances = new Map<Kind, number>()
  readonly #forced = new Map<Kind, number>()
  readonly #told: (fault: Kind, about: string) => void
  /** How often each has struck. */
  readonly struck = new Map<Kind, number>()

  /** @param told of each fault as it strikes, and what it strikes: for the trace */
  constructor(random: Random, told: (fault: Kind, about: string) => void = () => undefined) {
    this.#random = random
    this.#told = told
  }

  /** @param about whom it would strike: a device, a queue, a statement */
  strikes(fault: Kind, about: string): boolean {
    if (!this.#isDue(fault)) return false
    this.count(fault, about)
    return true
  }

  /** A fault that nobody asks for: a process that dies, a clock that is set. */
  count(fault: Kind, about: string): void {
    this.struck.set(fault, (this.struck.get(fault) ?? 0) + 1)
    this.#told(fault, about)
  }

  /** @param chance 0 … 1 each time that it could strike */
  set(fault: Kind, chance: number): void {
    this.#chances.set(fault, chance)
  }

  /** Strikes the next times, whatever the chance. */
  force(fault: Kind, times = 1): void {
    this.#forced.set(fault, (this.#forced.get(fault) ?? 0) + times)
  }

  /** From now on all goes well. */
  stop(): void {
    this.#chances.clear()
    this.#forced.clear()
  }

  #isDue(fault: Kind): boolean {
    const forced = this.#forced.get(fault) ?? 0
    if (forced > 0) {
      this.#forced.set(fault, forced - 1)
      return true
    }
    const chance = this.#chances.get(fault) ?? 0
    if (chance === 0) return false
    let stream = this.#streams.get(fault)
    if (stream === undefined) {
      stream = this.#random.stream(fault)
      this.#streams.set(fault, stream)
    }
    return stream.chance(chance)
  }
}
