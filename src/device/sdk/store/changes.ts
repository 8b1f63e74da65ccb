import { addRange, type CounterSet } from '../../../protocol/counters.ts'

/**
 * What was changed of records that other contexts have read, in the device's state: they read those again, and not a
 * month of payments. New payments and admissions show by themselves.
 */
export interface Changes {
  /** Of the state that was begun: with another one, nothing of what was read before is certain. */
  readonly epoch: string
  /** How many there were. */
  readonly count: number
  /** The counters of the last ones, in order. */
  readonly last: readonly CounterSet[]
}

/** A context that has missed more than these reads everything again. */
const KEPT = 8
/** More ranges than this are noted as one that spans them: reading too much again is harmless. */
const RANGES_MAX = 16

export const noChanges = (epoch: string): Changes => ({ epoch, count: 0, last: [] })

export function withChange(changes: Changes, counters: readonly number[]): Changes {
  if (counters.length === 0) return changes
  const exact = counters.reduce<CounterSet>((set, counter) => addRange(set, [counter, counter]), [])
  const changed = exact.length > RANGES_MAX ? [[Math.min(...counters), Math.max(...counters)] as const] : exact
  return { ...changes, count: changes.count + 1, last: [...changes.last, changed].slice(-KEPT) }
}

/** @returns the counters that were changed since, or undefined when all of them may have been */
export function changedSince(known: Changes | undefined, { epoch, count, last }: Changes): CounterSet | undefined {
  const missed = known?.epoch === epoch ? count - known.count : Infinity
  if (missed < 0 || missed > last.length) return undefined
  return missed === 0 ? [] : last.slice(-missed).flat()
}
