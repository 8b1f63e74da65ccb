import { parseArgs } from 'node:util'
import { countOf } from '../bench/count.ts'

export type Tier = 'shallow' | 'deep'

export interface SimOptions {
  /** `deep`: the reconciler's own SQL; `shallow`: a model of it, many times as fast. */
  readonly tier: Tier
  readonly fromSeed: number
  readonly seeds: number
  readonly operations: number
  readonly faults: number
  /** Tells the story of the seed, whether or not it fails. */
  readonly trace: boolean
  /** Goes on until this moment, UTC milliseconds. */
  readonly untilMs: number | undefined
  /** Threads. */
  readonly jobs: number
  /** Signatures for real in each of so many seeds; 0 for never. */
  readonly realEvery: number
  /** Looks for the faults that are planted, or for this one of them. */
  readonly mutants: boolean
  readonly mutant: string | undefined
}

const SIZES: Record<Tier, Pick<SimOptions, 'operations' | 'faults' | 'realEvery'>> = {
  shallow: { operations: 30, faults: 10, realEvery: 0 },
  deep: { operations: 100, faults: 20, realEvery: 10 },
}

/**
 * @throws RangeError, or what parseArgs throws
 * @example
 * readOptions(['--seed', '42', '--trace'])
 */
export function readOptions(args: readonly string[], nowMs: number): SimOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tier: { type: 'string', default: 'shallow' },
      seeds: { type: 'string' },
      seed: { type: 'string' },
      from: { type: 'string' },
      operations: { type: 'string' },
      faults: { type: 'string' },
      trace: { type: 'boolean', default: false },
      until: { type: 'string' },
      jobs: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      mutant: { type: 'string' },
    },
  })
  const { tier } = values
  if (tier !== 'shallow' && tier !== 'deep') throw new RangeError('--tier is shallow or deep')
  const size = SIZES[tier]
  const untilMs = values.until === undefined ? undefined : momentOf(values.until, nowMs)
  return {
    tier,
    fromSeed: countOf(values.seed ?? values.from, 1),
    seeds:
      values.seed === undefined ? (untilMs === undefined ? countOf(values.seeds, 100) : Number.MAX_SAFE_INTEGER) : 1,
    operations: countOf(values.operations, size.operations),
    faults: countOf(values.faults, size.faults),
    trace: values.trace,
    untilMs,
    jobs: countOf(values.jobs, 1),
    realEvery: size.realEvery,
    mutants: values.mutants || values.mutant !== undefined,
    mutant: values.mutant,
  }
}

/** @param time `HH:MM` UTC, today or tomorrow */
function momentOf(time: string, nowMs: number): number {
  const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(time) ?? []
  if (hours === undefined) throw new RangeError('--until is HH:MM, UTC')
  const day = new Date(nowMs)
  const at = Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate(), Number(hours), Number(minutes))
  return at > nowMs ? at : at + 86_400_000
}
