import { hash32, seededRandom } from '../../dev/random.ts'

/** A reproducible stream of chance. Every part of the world draws from a stream of its own, so that more of the one changes no other. */
export class Random {
  readonly #seed: number
  readonly #next: () => number

  constructor(seed: number) {
    this.#seed = seed
    this.#next = seededRandom(seed)
  }

  /** A stream that depends on this one's seed and the name, and not on what was drawn. */
  stream(name: string): Random {
    return new Random(hash32(`${this.#seed}/${name}`))
  }

  /** @returns 0 ≤ x < 1 */
  next(): number {
    return this.#next()
  }

  /** @returns an integer, both ends included */
  between(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.#next() < probability
  }

  /** @throws RangeError when there is nothing to pick from */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from')
    return items[Math.floor(this.#next() * items.length)] as T
  }

  /** Picks by weight: `{ sync: 3, void: 1 }` is a sync three times out of four. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][]
    let left = this.#next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of entries) {
      left -= weight
      if (left < 0) return key
    }
    return (entries.at(-1) as [K, number])[0]
  }

  /** Four bytes of each number that is drawn. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length)
    let word = 0
    for (let at = 0; at < length; at++) {
      word = at % 4 === 0 ? this.#next() * 2 ** 32 : word >>> 8
      bytes[at] = word
    }
    return bytes
  }
}
