import type { Push } from '../fleet.ts'
import { median, round } from '../stats.ts'
import type { Subject, SubjectName } from '../subjects/subject.ts'
import { type Bench, pushAll } from './bench.ts'
import type { Comparison } from './comparison.ts'

/** Processor time and throughput of a push: all subjects in turns, as fast as each can. */
export interface TurnFigures {
  /** Of one bundle. */
  readonly payments: number
  /** Of one subject in one round. */
  readonly pushes: number
  readonly requestBytes: number
  readonly of: Partial<Readonly<Record<SubjectName, SubjectFigures>>>
}

export interface SubjectFigures {
  /** One a round. */
  readonly turns: readonly Turn[]
  /** A push, after it and all others have come to their end: alarms that find that nothing is owed any more. */
  readonly laterMs: number
}

interface Turn {
  /** A push, until its outcomes are where people look. */
  readonly cpuMs: number
  readonly drainedPerS: number
  /** Without waiting for what the answers cause. */
  readonly answeredPerS: number
}

/** In each round every subject gets the same bundles; who begins changes, so that nobody always has the cooler machine. */
export async function measureTurns(
  bench: Bench,
  comparison: Comparison,
  subjects: readonly Subject[],
  payments: number,
): Promise<TurnFigures> {
  const { options, say } = bench
  const tallies = subjects.map((subject) => new Tally(subject))
  let requestBytes = 0
  for (let i = 0; i < options.rounds; i++) {
    // One of each device first, not counted: objects that have left memory meanwhile come back, in every subject.
    const wake = await comparison.next(comparison.devices.length, payments)
    const pushes = await comparison.next(options.pushes, payments)
    requestBytes = pushes[0]?.request.length ?? 0
    for (const [k] of tallies.entries()) {
      await tallies[(i + k) % tallies.length]?.turn(bench, wake, pushes)
    }
    const costs = tallies.map(({ subject, turns }) => `${subject.name} ${round(turns.at(-1)?.cpuMs ?? 0, 2)} ms`)
    say(`round ${i + 1}, bundles of ${payments}: ${costs.join(', ')} a push`)
  }
  await comparison.rest()
  const of = Object.fromEntries(tallies.map((tally) => [tally.subject.name, tally.figures()]))
  return { payments, pushes: options.pushes, requestBytes, of }
}

/** What one subject has spent. */
class Tally {
  readonly subject: Subject
  readonly turns: Turn[] = []
  readonly #startMs: number
  #inTurnsMs = 0
  #pushes = 0

  constructor(subject: Subject) {
    this.subject = subject
    this.#startMs = subject.cpuMs()
  }

  async turn(bench: Bench, wake: readonly Push[], pushes: readonly Push[]): Promise<void> {
    await this.#push(bench, wake)
    this.turns.push(await this.#push(bench, pushes))
  }

  async #push(bench: Bench, pushes: readonly Push[]): Promise<Turn> {
    const { subject } = this
    const drained = await subject.watch()
    const [beforeMs, startMs] = [subject.cpuMs(), performance.now()]
    const { seconds } = await pushAll(bench, subject, pushes, {
      pace: { kind: 'closed', concurrency: bench.options.concurrency },
    })
    await drained(pushes.length)
    const drainedS = (performance.now() - startMs) / 1000
    const cpuMs = subject.cpuMs() - beforeMs
    this.#inTurnsMs += cpuMs
    this.#pushes += pushes.length
    return {
      cpuMs: cpuMs / pushes.length,
      drainedPerS: pushes.length / drainedS,
      answeredPerS: pushes.length / seconds,
    }
  }

  figures(): SubjectFigures {
    const laterMs = (this.subject.cpuMs() - this.#startMs - this.#inTurnsMs) / this.#pushes
    return { turns: this.turns, laterMs }
  }
}

export const medianOf = (figures: SubjectFigures | undefined, pick: (turn: Turn) => number): number =>
  median((figures?.turns ?? []).map(pick))

/** Median of what one subject spent by what the other did in the same round. */
export function cpuRatio(figures: TurnFigures, of: SubjectName, by: SubjectName): number | undefined {
  const all = ({ turns, laterMs }: SubjectFigures) => turns.map(({ cpuMs }) => cpuMs + laterMs)
  return ratioOf(figures, of, by, all)
}

export function drainedRatio(figures: TurnFigures, of: SubjectName, by: SubjectName): number | undefined {
  return ratioOf(figures, of, by, ({ turns }) => turns.map(({ drainedPerS }) => drainedPerS))
}

function ratioOf(
  figures: TurnFigures,
  of: SubjectName,
  by: SubjectName,
  values: (figures: SubjectFigures) => readonly number[],
): number | undefined {
  const [one, other] = [figures.of[of], figures.of[by]]
  if (one === undefined || other === undefined) return undefined
  const against = values(other)
  return median(values(one).map((value, i) => value / (against[i] ?? Number.NaN)))
}
