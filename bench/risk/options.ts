import { parseArgs } from 'node:util'
import { countOf } from '../count.ts'

/** How much is lived. The defaults take about three minutes of one core, `--quick` some seconds. */
export interface Options {
  readonly quick: boolean
  /** Honest devices of each month. */
  readonly devices: number
  /** How often each way of an attack is tried in each month. */
  readonly attempts: number
  /** Months that rules may be judged and mended by. */
  readonly seeds: readonly number[]
  /** Months that are only looked at when the rules are done. */
  readonly heldOut: readonly number[]
  /** Where the results go; not written when empty. */
  readonly out: string
}

const FULL = { devices: 80, attempts: 2, seeds: [1, 2, 3], heldOut: [101, 102, 103] }
/** Shows that the bench works: so few devices say little. */
const QUICK = { devices: 30, attempts: 1, seeds: [1], heldOut: [] }

export function readOptions(args: readonly string[], root: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      devices: { type: 'string' },
      attempts: { type: 'string' },
      seeds: { type: 'string' },
      'held-out': { type: 'string' },
      out: { type: 'string' },
    },
  })
  const defaults = values.quick ? QUICK : FULL
  const seeds = (list: string | undefined, otherwise: readonly number[]) =>
    list === undefined
      ? otherwise
      : list
          .split(',')
          .filter(Boolean)
          .map((seed) => countOf(seed, 1))
  return {
    quick: values.quick,
    devices: countOf(values.devices, defaults.devices),
    attempts: countOf(values.attempts, defaults.attempts),
    seeds: seeds(values.seeds, defaults.seeds),
    heldOut: seeds(values['held-out'], defaults.heldOut),
    out: values.out ?? `${root}/bench/results`,
  }
}
