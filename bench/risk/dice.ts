import { seededRandom } from '../../dev/random.ts'

/** Chance from a seed, in the shapes that people's habits have. */
export class Dice {
  readonly next: () => number

  constructor(seed: number) {
    this.next = seededRandom(seed)
  }

  /** A stream of its own, so that one more draw here moves nothing there. */
  fork(): Dice {
    return new Dice(Math.floor(this.next() * 2 ** 32))
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  int(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.next() * of.length)] as T
  }

  /** The first are picked most often: the best of sixty customers is one sale in thirteen. */
  favourite<T>(of: readonly T[]): T {
    return of[Math.floor(of.length * this.next() ** 1.6)] as T
  }

  /** Spreads by factors: half of the draws lie within a factor of e^(0.67 × spread). */
  factor(spread: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
    return Math.exp(spread * normal)
  }

  /** Waiting time until something that happens once in `mean`. */
  wait(mean: number): number {
    return -Math.log(1 - this.next()) * mean
  }

  /** How often something happens that happens `mean` times (Poisson). */
  times(mean: number): number {
    let count = 0
    for (let at = this.wait(1); at < mean; at += this.wait(1)) count++
    return count
  }
}
