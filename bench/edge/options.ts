import { parseArgs } from 'node:util'
import { countOf } from '../count.ts'

/** How much is measured. The defaults take about half an hour, `--quick` some minutes, `--smoke` some seconds. */
export interface Options {
  /** Only in full are alarms waited for, and do the numbers mean anything. */
  readonly size: 'full' | 'quick' | 'smoke'
  /** Which figures; all when none is named. */
  readonly only: ReadonlySet<Figure>
  /** Alternations of the subjects. */
  readonly rounds: number
  readonly devices: number
  /** Of one subject in one round. */
  readonly pushes: number
  /** Requests under way at saturation. */
  readonly concurrency: number
  /** Share of the bound's throughput at which latency is measured. */
  readonly pacedShare: number
  readonly pacedSeconds: number
  readonly pacedRounds: number
  /** Bundles stored and devices registered in the large read model. */
  readonly scale: number
  readonly scaleDevices: number
  readonly scalePushes: number
  /** The directory of the project that is measured; a copy with changes, to compare. */
  readonly project: string
  /** Where the results go. */
  readonly out: string
}

const FIGURES = ['load', 'latency', 'peer', 'storage', 'scale', 'standins'] as const
type Figure = (typeof FIGURES)[number]
/** A smoke run leaves out the stand-ins: nothing of the product is in them, and they are a Worker more to start. */
const SMOKE_FIGURES = FIGURES.filter((figure) => figure !== 'standins')

/**
 * Devices: so many more than requests under way that no device has two of them, and so few that each comes again before
 * its object leaves memory (10 s).
 */
const SIZES = {
  full: {
    ...{ rounds: 5, devices: 500, pushes: 4000, concurrency: 64, pacedSeconds: 20, pacedRounds: 5 },
    ...{ scale: 1_000_000, scaleDevices: 10_000, scalePushes: 2000 },
  },
  quick: {
    ...{ rounds: 2, devices: 200, pushes: 800, concurrency: 64, pacedSeconds: 4, pacedRounds: 1 },
    ...{ scale: 20_000, scaleDevices: 1500, scalePushes: 300 },
  },
  smoke: {
    ...{ rounds: 1, devices: 20, pushes: 20, concurrency: 4, pacedSeconds: 1, pacedRounds: 1 },
    ...{ scale: 1500, scaleDevices: 1000, scalePushes: 20 },
  },
}
const PACED_SHARE = 0.4

/** @param root the project's directory */
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
      seconds: { type: 'string' },
      scale: { type: 'string' },
      project: { type: 'string' },
      out: { type: 'string' },
    },
  })
  const size = values.smoke ? 'smoke' : values.quick ? 'quick' : 'full'
  const base = SIZES[size]
  const named = values.only?.split(',') ?? (size === 'smoke' ? SMOKE_FIGURES : FIGURES)
  const scale = countOf(values.scale, base.scale)
  return {
    size,
    only: new Set(FIGURES.filter((figure) => named.includes(figure))),
    rounds: countOf(values.rounds, base.rounds),
    devices: countOf(values.devices, base.devices),
    pushes: countOf(values.pushes, base.pushes),
    concurrency: countOf(values.concurrency, base.concurrency),
    pacedShare: PACED_SHARE,
    pacedSeconds: countOf(values.seconds, base.pacedSeconds),
    pacedRounds: base.pacedRounds,
    scale,
    scaleDevices: Math.max(1, Math.round((base.scaleDevices * scale) / base.scale)),
    scalePushes: base.scalePushes,
    project: values.project ?? root,
    out: values.out ?? `${root}/bench/results`,
  }
}
