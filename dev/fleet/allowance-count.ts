import type { Covered } from '../../src/protocol/authorization.ts'
import { amountMinor } from '../../src/protocol/money.ts'

/** What a payer's phone counts under one allowance, from the moment at which it hears that the allowance is open. */
export class AllowanceCount {
  readonly no: number
  /** Minor units. */
  readonly ceiling: number
  readonly untilMs: number
  /** The last number that it gave, and the sum of all that it signed under it. */
  n = 0
  spent = 0
  /** It has said what it signed, and signs no more. */
  isClosing = false
  /** Its person cheats under it: what it counts is not what it signs. */
  isFalse = false

  constructor({ no, ceiling, untilMs }: Pick<AllowanceCount, 'no' | 'ceiling' | 'untilMs'>) {
    this.no = no
    this.ceiling = ceiling
    this.untilMs = untilMs
  }

  /** @returns the place of the next payment; undefined when it is not covered, and is signed without one */
  next(amount: number, atMs: number): Covered | undefined {
    if (this.isClosing || atMs > this.untilMs || this.spent + amount > this.ceiling) return undefined
    this.n += 1
    this.spent += amount
    return { n: this.n, spent: amountMinor(this.spent) }
  }
}
