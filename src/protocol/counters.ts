import { NUMBER_JUMP_MAX } from './limits.ts'

/**
 * The set of payment counters that were seen from a device, as sorted, disjoint, non-adjacent ranges: one range for an
 * honest device, and a gap for each payment that is still missing.
 */
export type Range = readonly [first: number, last: number]
export type CounterSet = readonly Range[]

/** Whether a counter or seq may follow the highest that was admitted; 0 when there is none. */
export const isWithinReach = (number: number, highest: number): boolean => number <= highest + NUMBER_JUMP_MAX

/** @returns the set with `added` in it. */
export function addRange(set: CounterSet, added: Range): CounterSet {
  let [first, last] = added
  const apart: Range[] = []
  for (const [low, high] of set) {
    if (high + 1 < first || low > last + 1) apart.push([low, high])
    else [first, last] = [Math.min(first, low), Math.max(last, high)]
  }
  return [...apart, [first, last] as const].sort((a, b) => a[0] - b[0])
}

export function hasCounter(set: CounterSet, counter: number): boolean {
  return set.some(([low, high]) => low <= counter && counter <= high)
}

export function highestCounter(set: CounterSet): number {
  return set.at(-1)?.[1] ?? 0
}

/** Counters below the highest seen that were not seen, lowest first, `max` at the most. */
export function missingCounters(set: CounterSet, max: number): readonly number[] {
  const missing: number[] = []
  let expected = 1
  for (const [low, high] of set) {
    for (; expected < low && missing.length < max; expected++) missing.push(expected)
    if (missing.length >= max) break
    expected = high + 1
  }
  return missing
}
