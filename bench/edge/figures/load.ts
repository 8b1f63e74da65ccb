import { ReadModel, rest, untilShown } from '../drain.ts'
import { type Device, makeDevices, makePushes, type Push } from '../fleet.ts'
import { type SyncTrace, traceSyncs } from '../process.ts'
import { median, percentile, round } from '../stats.ts'
import { registerAtEdge, registerAtFloor, type Subject, startEdgeSubject, startFloor } from '../subject.ts'
import { type Bench, pushAll, slices } from './run.ts'

/** Processor time, throughput, latency and fsyncs of a push: floor and edge in turns, with the same bundles. */
export interface LoadFigures {
  readonly pushes: number
  readonly bundleRequestBytes: number
  readonly cpu: {
    readonly floorMs: number
    /** Until D1 shows the outcomes of all. */
    readonly edgeMs: number
    /** After that: alarms that find that nothing is owed any more. */
    readonly edgeAfterMs: number
    readonly ratio: number
    readonly rounds: readonly { readonly floorMs: number; readonly edgeMs: number }[]
  }
  readonly throughput: {
    readonly floorPerS: number
    readonly edgePerS: number
    /** Answers alone, without waiting for what they cause. */
    readonly edgeAnswersPerS: number
    readonly ratio: number
    readonly rounds: readonly { readonly floorPerS: number; readonly edgePerS: number }[]
  }
  readonly latency: { readonly perSecond: number; readonly floor: Latency; readonly edge: Latency } | undefined
  readonly fsyncsPerPush: Readonly<Record<string, number>> | undefined
  /** Objects that owe something after all: must be none. */
  readonly stillOwing: number
}

interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const [WARM_UP, QUICK_WARM_UP] = [1000, 300]
const TRACED = 40

export async function measureLoad(bench: Bench): Promise<LoadFigures> {
  const { options, world, say } = bench
  const paced = options.only.has('latency') ? options.pacedPerSecond * options.pacedSeconds : 0
  const warmUp = options.quick ? QUICK_WARM_UP : WARM_UP
  const count = warmUp + options.rounds * options.pushes + options.pacedRounds * paced
  say(`${options.devices} devices and ${count} bundles are made`)
  const devices = await makeDevices(options.devices, 'POS')
  const pushes = await makePushes(devices, count, world.sealKey)
  const tracedPushes = await makePushes(devices.slice(0, TRACED), 2 * TRACED, world.sealKey)
  const floor = await startFloor(world)
  const edge = await startEdgeSubject(world, options.project)
  const readModel = new ReadModel(await edge.readModelFile())
  try {
    await registerAtFloor(floor, devices)
    await registerAtEdge(edge, devices, world)
    return await measure(bench, { floor, edge, readModel }, devices, { pushes, tracedPushes }, paced)
  } finally {
    readModel.close()
    await floor.stop()
    await edge.stop()
  }
}

interface Both {
  readonly floor: Subject
  readonly edge: Subject
  readonly readModel: ReadModel
}

async function measure(
  bench: Bench,
  { floor, edge, readModel }: Both,
  devices: readonly Device[],
  { pushes, tracedPushes }: { readonly pushes: readonly Push[]; readonly tracedPushes: readonly Push[] },
  paced: number,
): Promise<LoadFigures> {
  const { options, say } = bench
  const take = slices(pushes)
  const closed = { kind: 'closed', concurrency: options.concurrency } as const
  let pushed = 0

  const atFloor = async (batch: readonly Push[]) => {
    const before = floor.cpuMs()
    const { seconds } = await pushAll(bench, floor, batch, closed, false)
    return { cpuMs: (floor.cpuMs() - before) / batch.length, perS: batch.length / seconds }
  }
  const atEdge = async (batch: readonly Push[]) => {
    const [before, start] = [edge.cpuMs(), performance.now()]
    const { seconds } = await pushAll(bench, edge, batch, closed, true)
    pushed += batch.length
    const drainedS = ((await untilShown(readModel, pushed)) - start) / 1000
    const cpu = edge.cpuMs() - before
    inRoundsMs += cpu
    return { cpuMs: cpu / batch.length, perS: batch.length / drainedS, answersPerS: batch.length / seconds }
  }
  let inRoundsMs = 0

  const warm = take(options.quick ? QUICK_WARM_UP : WARM_UP)
  await atFloor(warm)
  await atEdge(warm)
  say('registration and warm-up come to rest')
  await rest(edge, options.quick)

  inRoundsMs = 0
  const startMs = edge.cpuMs()
  const rounds: { floor: Awaited<ReturnType<typeof atFloor>>; edge: Awaited<ReturnType<typeof atEdge>> }[] = []
  for (let i = 0; i < options.rounds; i++) {
    const batch = take(options.pushes)
    const one = { floor: await atFloor(batch), edge: await atEdge(batch) }
    rounds.push(one)
    say(`round ${i + 1}: floor ${round(one.floor.cpuMs, 2)} ms a push, edge ${round(one.edge.cpuMs, 2)} ms`)
  }
  await rest(edge, options.quick)
  const afterMs = (edge.cpuMs() - startMs - inRoundsMs) / (options.rounds * options.pushes)

  const latency = paced > 0 ? await measureLatency(bench, floor, edge, take, paced) : undefined
  if (latency) {
    pushed += options.pacedRounds * paced
    await untilShown(readModel, pushed)
  }
  const fsyncsPerPush = options.only.has('storage') ? await traced(bench, edge, tracedPushes) : undefined
  const stillOwing = await owing(bench, edge, devices.slice(0, 50), fsyncsPerPush === undefined)

  const of = <T>(pick: (one: (typeof rounds)[number]) => T) => rounds.map(pick)
  return {
    pushes: options.rounds * options.pushes,
    bundleRequestBytes: pushes[0]?.request.length ?? 0,
    cpu: {
      floorMs: median(of((one) => one.floor.cpuMs)),
      edgeMs: median(of((one) => one.edge.cpuMs)),
      edgeAfterMs: afterMs,
      ratio: median(of((one) => (one.edge.cpuMs + afterMs) / one.floor.cpuMs)),
      rounds: of((one) => ({ floorMs: one.floor.cpuMs, edgeMs: one.edge.cpuMs })),
    },
    throughput: {
      floorPerS: median(of((one) => one.floor.perS)),
      edgePerS: median(of((one) => one.edge.perS)),
      edgeAnswersPerS: median(of((one) => one.edge.answersPerS)),
      ratio: median(of((one) => one.edge.perS / one.floor.perS)),
      rounds: of((one) => ({ floorPerS: one.floor.perS, edgePerS: one.edge.perS })),
    },
    latency,
    fsyncsPerPush,
    stillOwing,
  }
}

async function measureLatency(
  bench: Bench,
  floor: Subject,
  edge: Subject,
  take: (count: number) => readonly Push[],
  paced: number,
) {
  const pace = { kind: 'open', perSecond: bench.options.pacedPerSecond } as const
  const [floors, edges]: [Latency[], Latency[]] = [[], []]
  for (let i = 0; i < bench.options.pacedRounds; i++) {
    const batch = take(paced)
    floors.push(latencyOf((await pushAll(bench, floor, batch, pace, false)).latenciesMs))
    edges.push(latencyOf((await pushAll(bench, edge, batch, pace, true)).latenciesMs))
  }
  const middle = (all: readonly Latency[]): Latency => ({
    p50Ms: median(all.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(all.map(({ p99Ms }) => p99Ms)),
    maxMs: median(all.map(({ maxMs }) => maxMs)),
  })
  return { perSecond: pace.perSecond, floor: middle(floors), edge: middle(edges) }
}

const latencyOf = (values: readonly number[]): Latency => ({
  p50Ms: percentile(values, 0.5),
  p99Ms: percentile(values, 0.99),
  maxMs: percentile(values, 1),
})

/**
 * One push after the other under strace, without confirmations and soon after one that started the objects and set their
 * alarms: what is counted is the admission's alone.
 */
async function traced(bench: Bench, edge: Subject, pushes: readonly Push[]) {
  const one = { kind: 'closed', concurrency: 1 } as const
  await rest(edge, bench.options.quick)
  await pushAll(bench, edge, pushes.slice(0, TRACED), one, false)
  const trace: SyncTrace = await traceSyncs(edge.pid)
  await pushAll(bench, edge, pushes.slice(TRACED), one, false)
  const counts = await trace.stop()
  if (counts === undefined) return undefined
  return Object.fromEntries([...counts].map(([owner, count]) => [owner, round(count / TRACED, 2)]))
}

/** Asks objects what they owe: proof that "drained" was true. */
async function owing(
  { world }: Bench,
  edge: Subject,
  devices: readonly Device[],
  expectNone: boolean,
): Promise<number> {
  if (!expectNone) return 0
  const answers = await Promise.all(
    devices.map(async ({ id }) => {
      const headers = { authorization: `Bearer ${world.token}` }
      const answer = await fetch(`${edge.url}/offline/devices/${id}`, { headers })
      return (await answer.json()) as { owed: { settle: number; index: number } }
    }),
  )
  return answers.filter(({ owed }) => owed.settle + owed.index > 0).length
}
