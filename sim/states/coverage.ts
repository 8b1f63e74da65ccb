import { statesOf } from '../../src/protocol/payment-states.ts'

/** What has states and goes from one to another, as three sides show it. */
export const MACHINES = ['bundle', 'payment', 'device', 'payment on its device', 'SDK'] as const
export type Machine = (typeof MACHINES)[number]

/** Before the first state. */
const NOTHING = '(new)'

/** Which states were visited in a run, and by which ways. */
export class Coverage {
  readonly #now = new Map<string, string>()
  /** `machine: from → to` */
  readonly transitions = new Set<string>()

  /** Something is in this state now. */
  is(machine: Machine, id: string, state: string): void {
    const key = `${machine} ${id}`
    const before = this.#now.get(key) ?? NOTHING
    if (before === state) return
    this.#now.set(key, state)
    this.transitions.add(`${machine}: ${before} → ${state}`)
  }

  /** A row of the read model was written. @param payments of a bundle, as the row keeps them */
  row(machine: 'bundle' | 'device', id: string, status: string, payments?: string): void {
    this.is(machine, id, status)
    // A copy in a later bundle has a state of its own.
    for (const [counter, state] of payments === undefined ? [] : statesOf(JSON.parse(payments))) {
      this.is('payment', `${id}/${counter}`, state)
    }
  }
}
