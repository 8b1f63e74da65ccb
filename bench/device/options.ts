import { parseArgs } from 'node:util'

/** How much is measured. The defaults take about four minutes, `--quick` about half of one. */
export interface Options {
  readonly quick: boolean
  readonly only: ReadonlySet<Figure>
  /** Syncs of each side, alternating. */
  readonly syncs: number
  /** The Nth exchange of each side is cut. */
  readonly cutEvery: number
  /** Browser profiles, each used once: with the processor slowed down and as it is, alternating. */
  readonly profiles: number
  /** Where the results go; not written when empty. */
  readonly out: string
}

const FIGURES = ['bytes', 'sync', 'browser', 'size'] as const
type Figure = (typeof FIGURES)[number]

const FULL = { syncs: 20, cutEvery: 20, profiles: 9 }
/** Shows that the bench works: the cut must still come. */
const QUICK = { syncs: 2, cutEvery: 2, profiles: 1 }

export function readOptions(args: readonly string[], root: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      out: { type: 'string' },
    },
  })
  const named = values.only?.split(',') ?? FIGURES
  return {
    quick: values.quick,
    only: new Set(FIGURES.filter((figure) => named.includes(figure))),
    ...(values.quick ? QUICK : FULL),
    out: values.out ?? `${root}/bench/results`,
  }
}
