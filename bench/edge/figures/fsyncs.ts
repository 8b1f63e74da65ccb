import { round } from '../stats.ts'
import { traceSyncs } from '../trace-syncs.ts'
import { type Bench, pushAll, tellLater } from './bench.ts'
import type { Comparison } from './comparison.ts'

/** Waits for a disk that an admission takes, by what the file belongs to; undefined where there is no strace. */
export type FsyncFigures = Readonly<Record<string, number>> | undefined

const TRACED = 40

/**
 * One push after the other under strace, without confirmations and soon after one that started the objects and set their
 * alarms: what is counted is the admission's alone.
 */
export async function measureFsyncs(bench: Bench, comparison: Comparison): Promise<FsyncFigures> {
  const { edge, devices } = comparison
  const traced = Math.min(TRACED, devices.length)
  const how = { pace: { kind: 'closed', concurrency: 1 }, tell: false } as const
  const pushes = await comparison.next(devices.length + traced)
  // As many as there are devices: those that follow are of the first ones again.
  const [before, counted] = [pushes.slice(0, traced), pushes.slice(devices.length)]
  await pushAll(bench, edge, before, how)
  const trace = await traceSyncs(edge.pid)
  await pushAll(bench, edge, counted, how)
  const counts = await trace.stop()
  await tellLater(bench, edge, [...before, ...counted])
  return counts && Object.fromEntries([...counts].map(([owner, count]) => [owner, round(count / traced, 2)]))
}
