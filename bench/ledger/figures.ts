import { median } from '../edge/stats.ts'
import { alternate, type Compared, type Cost, run } from './measure.ts'
import type { Options } from './options.ts'
import { makeBatches, type Shape } from './payments.ts'
import type { Database, Server, Session } from './server.ts'
import { bareLedger, bareSettlement, posting, postingAgain, type Subject, settling, write } from './subjects.ts'

/** A row of the table: what was measured against its target. */
export interface Row {
  readonly figure: string
  readonly target: string
  readonly value: string
  readonly met: boolean
  /** Absolutes, and costs that time on a shared machine does not move. */
  readonly beside: string
  readonly raw: object
}

const rate = (value: number) => `${Math.round(value).toLocaleString('en').replaceAll(',', ' ')}/s`
const costOf = ({ walBytes, cpuMicros }: Cost) => `${Math.round(walBytes)} B WAL, ${Math.round(cpuMicros)} µs CPU`

/** Posting, or settling, against the bare insert. */
export async function againstBare(
  database: Database,
  { rounds, payments }: Options,
  what: 'posting' | 'settling',
  size: number,
  target: number,
): Promise<readonly Row[]> {
  const [subject, floor] = what === 'posting' ? [posting, bareLedger] : [settling, bareSettlement]
  const sessions = [await database.connect(), await database.connect()] as const
  const side = (session: Session, one: Subject) => () => run(database, session, one, makeBatches(payments, size))
  await side(sessions[0], subject)()
  await side(sessions[1], floor)()
  const compared = await alternate(rounds, side(sessions[0], subject), side(sessions[1], floor))
  const { ratio, walRatio } = compared
  const rows: Row[] = [
    {
      figure: `${what}, batches of ${size}, by the bare insert`,
      target: `≥ ${target}`,
      value: ratio.toFixed(2),
      met: ratio >= target,
      beside: besideOf(compared),
      raw: compared,
    },
    {
      figure: `WAL of ${what}, batches of ${size}, by the bare insert’s`,
      target: '≤ 1.35',
      value: walRatio.toFixed(2),
      met: walRatio <= 1.35,
      beside: `CPU ${compared.cpuRatio.toFixed(2)} times; a batch is one statement`,
      raw: compared,
    },
  ]
  return rows
}

const besideOf = ({ subject, floor }: Compared) =>
  `${rate(subject.perSecond)} (${costOf(subject)}) against ${rate(floor.perSecond)} (${costOf(floor)}) a payment`

/** Batches of 500 against one transfer a transaction. */
export async function againstSingle(database: Database, { rounds, payments }: Options): Promise<Row> {
  const session = await database.connect()
  const singles = Math.max(200, Math.round(payments / 40))
  const compared = await alternate(
    rounds,
    () => run(database, session, posting, makeBatches(payments, 500)),
    () => run(database, session, posting, makeBatches(singles, 1)),
  )
  return {
    figure: 'posting in batches of 500, by one transfer a transaction',
    target: '≥ 14',
    value: compared.ratio.toFixed(1),
    met: compared.ratio >= 14,
    beside: besideOf(compared),
    raw: compared,
  }
}

/** Two posters at once, 80 % of their payments to ten merchants, against payments that are spread. */
export async function hotMerchants(database: Database, { rounds, payments }: Options): Promise<Row> {
  const posters = [await database.connect(), await database.connect()]
  const both = (shape: Shape) => async (): Promise<Cost> => {
    const loads = posters.map(() => makeBatches(payments / posters.length, 500, shape))
    const startedAt = performance.now()
    const costs = await Promise.all(posters.map((session, i) => run(database, session, posting, loads[i] ?? [])))
    const seconds = (performance.now() - startedAt) / 1000
    return {
      perSecond: payments / seconds,
      walBytes: costs[0]?.walBytes ?? 0,
      cpuMicros: median(costs.map((c) => c.cpuMicros)),
    }
  }
  await both('spread')()
  const before = await deadlocks(database)
  const compared = await alternate(rounds, both('hot'), both('spread'))
  const met = compared.ratio >= 0.9 && (await deadlocks(database)) === before
  return {
    figure: '80 % of payments to ten merchants, two posters, by spread',
    target: '≥ 0.9, no deadlock',
    value: `${compared.ratio.toFixed(2)}, ${(await deadlocks(database)) - before} deadlocks`,
    met,
    beside: `${rate(compared.subject.perSecond)} against ${rate(compared.floor.perSecond)}`,
    raw: compared,
  }
}

async function deadlocks({ admin, name }: Database): Promise<number> {
  const { rows } = await admin.query<{ deadlocks: string }>(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = $1',
    [name],
  )
  return Number(rows[0]?.deadlocks)
}

/** A batch that was posted before. */
export async function postedAgain(database: Database, { rounds, payments }: Options): Promise<Row> {
  const session = await database.connect()
  const costs: Cost[] = []
  for (let round = 0; round < rounds; round++) {
    const batches = makeBatches(payments, 500)
    await run(database, session, posting, batches)
    costs.push(await run(database, session, postingAgain, batches))
  }
  const perSecond = median(costs.map((cost) => cost.perSecond))
  return {
    figure: 'a batch of 500 that was already posted',
    target: '≥ 60 000/s',
    value: rate(perSecond),
    met: perSecond >= 60_000,
    beside: `${Math.round(median(costs.map((cost) => cost.cpuMicros)))} µs CPU, ${Math.round(median(costs.map((cost) => cost.walBytes)))} B WAL a payment`,
    raw: { costs },
  }
}

/** The same batches into a book with many payments and into one with few. */
export async function bookSize(server: Server, { rounds, payments, bookPayments }: Options): Promise<Row> {
  const few = Math.min(10_000, Math.round(bookPayments / 10))
  const [small, large] = [await server.database('small_book'), await server.database('large_book')]
  await fill(small, few)
  await fill(large, bookPayments)
  const [inSmall, inLarge] = [await small.connect(), await large.connect()]
  // Small runs: the small book must stay small while it is measured.
  const part = Math.min(payments, few)
  const compared = await alternate(
    rounds,
    () => run(large, inLarge, posting, makeBatches(part, 500)),
    () => run(small, inSmall, posting, makeBatches(part, 500)),
  )
  const named = (n: number) => n.toLocaleString('en').replaceAll(',', ' ')
  return {
    figure: `${named(bookPayments)} payments in the book, by ${named(few)}`,
    target: '≥ 0.75',
    value: compared.ratio.toFixed(2),
    met: compared.ratio >= 0.75,
    beside: besideOf(compared),
    raw: compared,
  }
}

async function fill(database: Database, payments: number): Promise<void> {
  const session = await database.connect()
  for (const batch of makeBatches(payments, 2000)) {
    await write(session.client, posting, posting.values(batch), batch.length)
  }
  await database.admin.query('VACUUM ANALYZE')
}
