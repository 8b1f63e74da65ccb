import type { Payment } from '../../src/protocol/payment.ts'
import type { PolicyRow } from './policies.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

interface Counted {
  readonly arrivedAtMs: number
  /** It was taken before any arrival that is later than this. */
  readonly takenByMs: number
  readonly amount: number
}

/** What of a device's payments the edge had not seen at each arrival, added up by hand: each payment against each arrival. */
export class Backlog {
  #arrivals: number[] = []
  #counted: Counted[] = []

  /** @returns minor units: the most that was unseen at any arrival, with a payment that comes now */
  most(policy: PolicyRow, payment: Payment, nowMs: number): number {
    const own = countedOf(policy, payment, nowMs)
    const sums = [...this.#arrivals, nowMs]
      .filter((arrival) => isUnseen(own, arrival))
      .map((arrival) =>
        this.#counted.filter((other) => isUnseen(other, arrival)).reduce((sum, { amount }) => sum + amount, own.amount),
      )
    return Math.max(...sums)
  }

  add(policy: PolicyRow, payment: Payment, nowMs: number): void {
    if (!this.#arrivals.includes(nowMs)) this.#arrivals.push(nowMs)
    this.#counted.push(countedOf(policy, payment, nowMs))
  }

  /** What was taken before such an arrival is too old by now. */
  forget(policy: PolicyRow, nowMs: number): void {
    this.#arrivals = this.#arrivals.filter((arrival) => arrival > nowMs - policy.max_bundle_age_hours * HOUR_MS)
  }
}

const countedOf = (policy: PolicyRow, { initiatedAtMs, amount }: Payment, nowMs: number): Counted => ({
  arrivedAtMs: nowMs,
  takenByMs: initiatedAtMs + policy.max_clock_skew_minutes * MINUTE_MS,
  amount,
})

/** Whether it had been taken and had not come, just before that arrival. */
const isUnseen = ({ arrivedAtMs, takenByMs }: Counted, arrival: number): boolean =>
  arrivedAtMs === arrival || (arrivedAtMs > arrival && takenByMs < arrival)
