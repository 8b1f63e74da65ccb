/** Amounts that people name, in minor units of a currency that has none smaller. */
const ROUND: readonly number[] = [500, 1_000, 2_000, 3_000, 5_000, 10_000]

/** How many days a mandate may be given for. */
export const DAYS = [30, 90, 365] as const

/** Round amounts up to the largest that is allowed, and that one. */
export function amountsUpTo(max: number, round = ROUND): readonly number[] {
  return [...new Set([...round.filter((amount) => amount < max), max])].filter((amount) => amount > 0)
}
