import type { Payment } from '../../src/protocol/payment.ts'
import { dateOf, dayIn, type PolicyRow } from './policies.ts'

/** Days beyond those that a policy takes payments of for which an object goes on counting. */
const SPARE_DAYS = 2
const HOUR_MS = 3_600_000

/** What a device took on each of its days, counted by hand. */
export class Tally {
  /** Day, counted from 1970 → payments and their sum in minor units. */
  readonly #days = new Map<number, { count: number; value: number }>()

  on(day: number): { readonly count: number; readonly value: number } {
    return this.#days.get(day) ?? { count: 0, value: 0 }
  }

  /** A date ahead of its arrival uses up the day of its arrival. */
  static dayOf(policy: PolicyRow, { initiatedAtMs }: Payment, arrivedAtMs: number): number {
    return dayIn(policy, initiatedAtMs < arrivedAtMs ? initiatedAtMs : arrivedAtMs)
  }

  add(policy: PolicyRow, payment: Payment, arrivedAtMs: number): void {
    const { amount } = payment
    const day = Tally.dayOf(policy, payment, arrivedAtMs)
    const { count, value } = this.on(day)
    this.#days.set(day, { count: count + 1, value: value + amount })
  }

  /** Days that no acceptable payment can be of any more are forgotten. */
  forget(policy: PolicyRow, nowMs: number): void {
    const oldest = dayIn(policy, nowMs - (policy.max_bundle_age_hours + 24 * SPARE_DAYS) * HOUR_MS)
    for (const day of this.#days.keys()) if (day < oldest) this.#days.delete(day)
  }

  /** @returns `2026-11-30: 3 payments, 1500 F`, sorted */
  get lines(): readonly string[] {
    return [...this.#days].map(([day, { count, value }]) => tallyLine(dateOf(day), count, value)).sort()
  }
}

export const tallyLine = (date: string, count: number, value: number): string =>
  `${date}: ${count} payments, ${value} F`
