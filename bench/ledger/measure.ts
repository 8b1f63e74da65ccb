import { median } from '../edge/stats.ts'
import type { BenchPayment } from './payments.ts'
import type { Database, Session } from './server.ts'
import { prepare, type Subject, write } from './subjects.ts'

/** What a run of one subject cost. */
export interface Cost {
  readonly perSecond: number
  readonly walBytes: number
  readonly cpuMicros: number
}

/** A comparison: medians of both sides, and the median of the ratios of the same alternation. */
export interface Compared {
  readonly subject: Cost
  readonly floor: Cost
  /** Rate of the subject by that of the floor. */
  readonly ratio: number
  readonly walRatio: number
  readonly cpuRatio: number
}

/** Posts batches one after the other on one session. */
export async function run(
  database: Database,
  session: Session,
  subject: Subject,
  batches: readonly (readonly BenchPayment[])[],
): Promise<Cost> {
  const payments = batches.reduce((sum, batch) => sum + batch.length, 0)
  const prepared = batches.map((batch) => ({ values: subject.values(batch), size: batch.length }))
  for (const { values } of prepared) await prepare(database.admin, subject, values)
  const [wal, cpu, startedAt] = [await walPosition(database), session.cpuMs(), performance.now()]
  for (const { values, size } of prepared) await write(session.client, subject, values, size)
  const seconds = (performance.now() - startedAt) / 1000
  return {
    perSecond: payments / seconds,
    walBytes: ((await walPosition(database)) - wal) / payments,
    cpuMicros: ((session.cpuMs() - cpu) * 1000) / payments,
  }
}

/** Alternates the two sides; which one goes first changes each time. */
export async function alternate(rounds: number, subject: () => Promise<Cost>, floor: () => Promise<Cost>) {
  const pairs: { subject: Cost; floor: Cost }[] = []
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) pairs.push({ floor: await floor(), subject: await subject() })
    else pairs.push({ subject: await subject(), floor: await floor() })
  }
  const ratioOf = (pick: (cost: Cost) => number) => median(pairs.map((pair) => pick(pair.subject) / pick(pair.floor)))
  const compared: Compared = {
    subject: medianCost(pairs.map((pair) => pair.subject)),
    floor: medianCost(pairs.map((pair) => pair.floor)),
    ratio: ratioOf(({ perSecond }) => perSecond),
    walRatio: ratioOf(({ walBytes }) => walBytes),
    cpuRatio: ratioOf(({ cpuMicros }) => cpuMicros),
  }
  return compared
}

function medianCost(costs: readonly Cost[]): Cost {
  return {
    perSecond: median(costs.map(({ perSecond }) => perSecond)),
    walBytes: median(costs.map(({ walBytes }) => walBytes)),
    cpuMicros: median(costs.map(({ cpuMicros }) => cpuMicros)),
  }
}

async function walPosition({ admin }: Database): Promise<number> {
  const { rows } = await admin.query<{ at: string }>(`SELECT pg_current_wal_insert_lsn() - '0/0' AS at`)
  return Number(rows[0]?.at)
}
