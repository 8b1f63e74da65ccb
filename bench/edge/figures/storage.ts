import { pause, untilQuiet } from '../drain.ts'
import { makeDevices, makePushes } from '../fleet.ts'
import type { EdgeSubject } from '../subjects/edge.ts'
import { type Bench, pushAll, slices, tellLater } from './bench.ts'

/** What a push does to storage, counted in the edge with its bindings wrapped (bench/counted). */
export interface StorageFigures {
  /** Per push, of a device whose key the isolate does not know yet, before anything is confirmed. */
  readonly cold: Counts
  /** Per push, of a device whose key it knows. */
  readonly warm: Counts
  /** Per push, everything that it causes later included. */
  readonly load: Counts
  readonly loadPushes: number
}

export type Counts = Readonly<Record<string, number>>

/** Few enough that no alarm goes off among them. */
const SERIAL_MAX = 40
const DRAIN_MS = 200

export async function measureStorage(bench: Bench): Promise<StorageFigures> {
  bench.say('storage of a push')
  const edge = await bench.edges.startCounted()
  try {
    return await measure(bench, edge)
  } finally {
    await edge.stop()
  }
}

async function measure(bench: Bench, edge: EdgeSubject): Promise<StorageFigures> {
  const { options, world } = bench
  const devices = await makeDevices(options.devices, 'STO')
  const loadPushes = Math.min(options.pushes, 4 * devices.length)
  const serial = devices.slice(0, SERIAL_MAX)
  const first = await makePushes(serial, 2 * serial.length, world.sealKey)
  const many = await makePushes(devices, loadPushes, world.sealKey)
  const rest = () => (options.size === 'full' ? untilQuiet(edge) : pause(DRAIN_MS))
  await edge.register(devices)
  await rest()
  const serially = await edge.watch()
  const take = slices(first)
  const phase = async (): Promise<Counts> => {
    await counts(edge)
    await pushAll(bench, edge, take(serial.length), { pace: { kind: 'closed', concurrency: 1 }, tell: false })
    await pause(DRAIN_MS)
    return perPush(await counts(edge), serial.length)
  }
  const [cold, warm] = [await phase(), await phase()]
  await tellLater(bench, edge, first)
  await serially(first.length)
  await rest()
  await counts(edge)
  const drained = await edge.watch()
  await pushAll(bench, edge, many, { pace: { kind: 'closed', concurrency: options.concurrency } })
  await drained(many.length)
  await rest()
  return { cold, warm, load: perPush(await counts(edge), many.length), loadPushes }
}

async function counts({ url }: EdgeSubject): Promise<Record<string, number>> {
  return (await (await fetch(`${url}/bench/counts`)).json()) as Record<string, number>
}

function perPush(all: Record<string, number>, pushes: number): Counts {
  return Object.fromEntries(
    Object.entries(all)
      .sort()
      .map(([what, count]) => [what, Number((count / pushes).toFixed(3))]),
  )
}
