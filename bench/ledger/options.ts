import { parseArgs } from 'node:util'
import { countOf } from '../count.ts'

/** How much is measured. The defaults take about twelve minutes, `--quick` about three, `--smoke` some seconds. */
export interface Options {
  readonly run: 'full' | 'quick' | 'smoke'
  readonly only: ReadonlySet<Figure>
  /** Alternations; figures are medians over them. */
  readonly rounds: number
  /** Payments of one side of one alternation. */
  readonly payments: number
  /** Payments in the large book. */
  readonly bookPayments: number
  readonly pushesPerSecond: number
  readonly pushSeconds: number
  /** Of the kinds of wrong postings, how many are planted. */
  readonly kindsMax: number
  /** Payments in the book that they are planted in. */
  readonly plantedBookPayments: number
  /** Where the results go; not written when empty. */
  readonly out: string
}

export const FIGURES = ['posting', 'settling', 'single', 'hot', 'again', 'scale', 'detection', 'latency'] as const
export type Figure = (typeof FIGURES)[number]

const FULL = {
  rounds: 9,
  payments: 40_000,
  bookPayments: 1_000_000,
  pushSeconds: 60,
  kindsMax: 1000,
  plantedBookPayments: 20_000,
}
const QUICK = {
  rounds: 3,
  payments: 12_000,
  bookPayments: 100_000,
  pushSeconds: 8,
  kindsMax: 6,
  plantedBookPayments: 5000,
}
/** Shows that every figure still comes to its end; its numbers mean nothing. */
const SMOKE = { rounds: 1, payments: 1000, bookPayments: 2000, pushSeconds: 2, kindsMax: 2, plantedBookPayments: 200 }

export function readOptions(args: readonly string[], root: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      payments: { type: 'string' },
      book: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      out: { type: 'string' },
    },
  })
  const base = values.smoke ? SMOKE : values.quick ? QUICK : FULL
  const named = values.only?.split(',') ?? FIGURES
  return {
    run: values.smoke ? 'smoke' : values.quick ? 'quick' : 'full',
    only: new Set(FIGURES.filter((figure) => named.includes(figure))),
    rounds: countOf(values.rounds, base.rounds),
    payments: countOf(values.payments, base.payments),
    bookPayments: countOf(values.book, base.bookPayments),
    pushesPerSecond: countOf(values.rate, 10),
    pushSeconds: countOf(values.seconds, base.pushSeconds),
    kindsMax: base.kindsMax,
    plantedBookPayments: base.plantedBookPayments,
    out: values.out ?? `${root}/bench/results`,
  }
}
