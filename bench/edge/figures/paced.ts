import { median, percentile } from '../stats.ts'
import type { Subject, SubjectName } from '../subjects/subject.ts'
import { type Bench, pushAll } from './bench.ts'
import type { Comparison } from './comparison.ts'
import { type SeenFigures, seenBySyncs } from './seen.ts'

/** Latency at a pace that leaves the machine time: at saturation a latency is the length of its queue. */
export interface PacedFigures {
  readonly perSecond: number
  readonly seconds: number
  /** Medians over the rounds. */
  readonly of: Partial<Readonly<Record<SubjectName, Latency>>>
  /** From when a push was due until the edge had taken its outcomes, the wait for others in their call included. */
  readonly told: Latency
  readonly seen: SeenFigures
}

export interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** All subjects in turns, at the same pace and with the same bundles. */
export async function measurePaced(
  bench: Bench,
  comparison: Comparison,
  subjects: readonly Subject[],
  perSecond: number,
): Promise<PacedFigures> {
  const { options, say } = bench
  const count = perSecond * options.pacedSeconds
  const rounds = new Map<SubjectName, Latency[]>(subjects.map(({ name }) => [name, []]))
  const told: Latency[] = []
  let seen: SeenFigures | undefined
  for (let i = 0; i < options.pacedRounds; i++) {
    const wake = await comparison.next(comparison.devices.length)
    const pushes = await comparison.next(count)
    for (let k = 0; k < subjects.length; k++) {
      const subject = subjects[(i + k) % subjects.length]
      if (subject === undefined) continue
      const drained = await subject.watch()
      await pushAll(bench, subject, wake, { pace: { kind: 'closed', concurrency: options.concurrency } })
      const isEdge = subject.name === 'edge'
      const pace = { kind: 'open', perSecond } as const
      const { latenciesMs, toldMs, answers } = await pushAll(bench, subject, pushes, { pace, keepAnswers: isEdge })
      await drained(wake.length + pushes.length)
      rounds.get(subject.name)?.push(latencyOf(latenciesMs))
      if (isEdge) {
        told.push(latencyOf(toldMs))
        seen = seenBySyncs([...wake, ...pushes], answers, wake.length)
      }
    }
    say(`paced, round ${i + 1}: ${perSecond}/s`)
  }
  if (seen === undefined) throw new Error('the edge was not measured')
  const of = Object.fromEntries([...rounds].map(([name, all]) => [name, middle(all)]))
  return { perSecond, seconds: options.pacedSeconds, of, told: middle(told), seen }
}

const latencyOf = (values: readonly number[]): Latency => ({
  p50Ms: percentile(values, 0.5),
  p99Ms: percentile(values, 0.99),
  maxMs: percentile(values, 1),
})

const middle = (all: readonly Latency[]): Latency => ({
  p50Ms: median(all.map(({ p50Ms }) => p50Ms)),
  p99Ms: median(all.map(({ p99Ms }) => p99Ms)),
  maxMs: median(all.map(({ maxMs }) => maxMs)),
})
