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

  add(policy: PolicyRow, { initiatedAtMs, amount }: Payment): void {
    const day = dayIn(policy, initiatedAtMs)
    const { count, value } = this.on(day)
    this.#days.set(day, { count: count + 1, value: value + amount })
  }

  /** Days that no acceptable payment can be of any more are forgotten, and so are those far ahead. */
  forget(policy: PolicyRow, nowMs: number): void {
    const oldest = dayIn(policy, nowMs - (policy.max_bundle_age_hours + 24 * SPARE_DAYS) * HOUR_MS)
    const latest = dayIn(policy, nowMs + 24 * SPARE_DAYS * HOUR_MS)
    for (const day of this.#days.keys()) if (day < oldest || day > latest) this.#days.delete(day)
  }

  /** @returns `2026-11-30: 3 payments, 1500 F`, sorted */
  get lines(): readonly string[] {
    return [...this.#days].map(([day, { count, value }]) => tallyLine(dateOf(day), count, value)).sort()
  }
}

export const tallyLine = (date: string, count: number, value: number): string =>
  `${date}: ${count} payments, ${value} F`
