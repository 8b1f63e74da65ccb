import { parseArgs } from 'node:util'
import { countOf } from '../count.ts'

/** How much is measured. The defaults take less than ten minutes, `--quick` less than one, `--smoke` some seconds. */
export interface Options {
  /** Not in full: alarms are not waited for, and the numbers mean little. */
  readonly quick: boolean
  /** Which figures; all when none is named. */
  readonly only: ReadonlySet<Figure>
  /** Alternations of floor and edge. */
  readonly rounds: number
  readonly devices: number
  /** Of one round. */
  readonly pushes: number
  /** Requests under way at saturation. */
  readonly concurrency: number
  readonly pacedPerSecond: number
  readonly pacedSeconds: number
  readonly pacedRounds: number
  /** Bundles stored and devices registered in the large read model. */
  readonly scale: number
  readonly scaleDevices: number
  readonly scalePushes: number
  /** The directory of the project that is measured; a copy with changes, to compare. */
  readonly project: string
  /** Where the results go; not written when empty. */
  readonly out: string
}

const FIGURES = ['load', 'storage', 'latency', 'scale', 'standins'] as const
type Figure = (typeof FIGURES)[number]

const FULL = {
  rounds: 5,
  pushes: 4000,
  paced: 20,
  pacedRounds: 2,
  scale: 1_000_000,
  scaleDevices: 10_000,
  scalePushes: 2000,
}
const QUICK = { rounds: 1, pushes: 600, paced: 3, pacedRounds: 1, scale: 20_000, scaleDevices: 1500, scalePushes: 300 }

/** Shows that every figure still comes to its end. */
const SMOKE = { rounds: 1, pushes: 40, paced: 1, pacedRounds: 1, scale: 2000, scaleDevices: 1000, scalePushes: 40 }

export function readOptions(args: readonly string[], root: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      devices: { type: 'string' },
      pushes: { type: 'string' },
      concurrency: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      scale: { type: 'string' },
      project: { type: 'string' },
      out: { type: 'string' },
    },
  })
  const base = values.smoke ? SMOKE : values.quick ? QUICK : FULL
  const named = values.only?.split(',') ?? FIGURES
  const only = new Set(FIGURES.filter((figure) => named.includes(figure)))
  const scale = countOf(values.scale, base.scale)
  return {
    quick: values.quick || values.smoke,
    only,
    rounds: countOf(values.rounds, base.rounds),
    devices: countOf(values.devices, values.smoke ? 50 : values.quick ? 200 : 1000),
    pushes: countOf(values.pushes, base.pushes),
    concurrency: countOf(values.concurrency, 64),
    pacedPerSecond: countOf(values.rate, 150),
    pacedRounds: base.pacedRounds,
    pacedSeconds: countOf(values.seconds, base.paced),
    scale,
    scaleDevices: Math.max(1, Math.round((base.scaleDevices * scale) / base.scale)),
    scalePushes: base.scalePushes,
    project: values.project ?? root,
    out: values.out ?? `${root}/bench/results`,
  }
}
