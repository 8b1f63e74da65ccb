import { pause, ReadModel, rest, untilShown } from '../drain.ts'
import { makeDevices, makePushes, type Push } from '../fleet.ts'
import { Confirmer } from '../load/confirmer.ts'
import { HttpClient } from '../load/http-client.ts'
import { registerAtEdge, type Subject, startEdgeSubject, type World } from '../subject.ts'
import { type Bench, pushAll, slices } from './run.ts'

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

type Counts = Readonly<Record<string, number>>

/** Few enough that no alarm goes off among them. */
const SERIAL = 40
const DRAIN_MS = 200

export async function measureStorage(bench: Bench): Promise<StorageFigures> {
  const { options, world, say } = bench
  say('storage of a push')
  const devices = await makeDevices(Math.max(SERIAL, options.devices), 'STO')
  const loadPushes = Math.min(options.pushes, 4 * devices.length)
  const serial = devices.slice(0, SERIAL)
  const first = await makePushes(serial, 2 * SERIAL, world.sealKey)
  const many = await makePushes(devices, loadPushes, world.sealKey)
  // bench/counted imports the edge's source by its own place: it measures this project, not a copy.
  const edge = await startEdgeSubject(world, options.project, 'bench/counted/index.ts')
  const readModel = new ReadModel(await edge.readModelFile())
  try {
    await registerAtEdge(edge, devices, world)
    await rest(edge, options.quick)
    const take = slices(first)
    const one = { kind: 'closed', concurrency: 1 } as const
    const phase = async (): Promise<Counts> => {
      await counts(edge)
      await pushAll(bench, edge, take(SERIAL), one, false)
      await pause(DRAIN_MS)
      return perPush(await counts(edge), SERIAL)
    }
    const [cold, warm] = [await phase(), await phase()]
    await confirmAll(edge, first, world)
    await untilShown(readModel, first.length)
    await rest(edge, options.quick)
    await counts(edge)
    const pace = { kind: 'closed', concurrency: options.concurrency } as const
    await pushAll(bench, edge, many, pace, true)
    await untilShown(readModel, first.length + many.length)
    await rest(edge, options.quick)
    return { cold, warm, load: perPush(await counts(edge), many.length), loadPushes }
  } finally {
    readModel.close()
    await edge.stop()
  }
}

/** What was pushed without confirmations would be sent again and again, and be counted with the load. */
async function confirmAll({ port }: Subject, pushes: readonly Push[], { secrets }: World): Promise<void> {
  const client = new HttpClient(port)
  const confirmer = new Confirmer(client, secrets.INTERNAL_HMAC_KEY)
  for (const { confirmations } of pushes) confirmer.add(confirmations)
  await confirmer.drained()
  client.close()
}

async function counts({ url }: Subject): Promise<Record<string, number>> {
  return (await (await fetch(`${url}/bench/counts`)).json()) as Record<string, number>
}

function perPush(all: Record<string, number>, pushes: number): Counts {
  return Object.fromEntries(
    Object.entries(all)
      .sort()
      .map(([what, count]) => [what, Number((count / pushes).toFixed(3))]),
  )
}
