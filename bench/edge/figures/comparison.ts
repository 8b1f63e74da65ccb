import { pause, untilQuiet } from '../drain.ts'
import { type Device, makeDevices, makePushes, type Push } from '../fleet.ts'
import { startBound, startFloor } from '../subjects/bare.ts'
import type { EdgeSubject } from '../subjects/edge.ts'
import { startPeer } from '../subjects/peer.ts'
import { type Subject, type SubjectName, startAll } from '../subjects/subject.ts'
import { type Bench, pushAll } from './bench.ts'

/** Subjects that get the same pushes of the same devices, in turns. */
export interface Comparison {
  readonly subjects: readonly Subject[]
  readonly edge: EdgeSubject
  readonly devices: readonly Device[]
  /** Makes the next pushes: the same for all, since a device's bundles follow each other. */
  next(count: number, payments?: number): Promise<readonly Push[]>
  /** Waits until no workerd has anything left to do; a Postgres tidies up whenever it likes. */
  rest(): Promise<void>
  stop(): Promise<void>
}

/** So many pushes make the runtimes compile what they run often. */
const [WARM_UP, QUICK_WARM_UP, SMOKE_WARM_UP] = [2000, 300, 20]

/** Starts them, registers the devices with each, and warms them up. @param names beside the edge, which always takes part */
export async function openComparison(
  bench: Bench,
  names: readonly Exclude<SubjectName, 'edge'>[],
): Promise<Comparison> {
  const { options, world, say } = bench
  const starts = { floor: startFloor, bound: startBound, peer: startPeer }
  const devices = await makeDevices(options.devices, 'POS')
  const starting = bench.edges.start()
  const subjects = await startAll([...names.map((name) => starts[name](world)), starting])
  const edge = await starting
  const stop = async () => {
    await Promise.all(subjects.map((subject) => subject.stop()))
  }
  try {
    say(`${options.devices} devices are registered with ${subjects.map(({ name }) => name).join(', ')}`)
    for (const subject of subjects) await subject.register(devices)
    const comparison: Comparison = {
      ...{ subjects, edge, devices, stop },
      next: (count, payments) => makePushes(devices, count, world.sealKey, payments),
      async rest() {
        // In a short run alarms are not waited for: it shows that the bench works, and its numbers mean little anyway.
        if (options.size !== 'full') return pause(200)
        await Promise.all(subjects.filter(({ name }) => name !== 'peer').map(untilQuiet))
      },
    }
    await warmUp(bench, comparison)
    return comparison
  } catch (error) {
    await stop()
    throw error
  }
}

async function warmUp(bench: Bench, comparison: Comparison): Promise<void> {
  const count = { full: WARM_UP, quick: QUICK_WARM_UP, smoke: SMOKE_WARM_UP }[bench.options.size]
  const pushes = await comparison.next(count)
  const pace = { kind: 'closed', concurrency: bench.options.concurrency } as const
  for (const subject of comparison.subjects) {
    const drained = await subject.watch()
    await pushAll(bench, subject, pushes, { pace })
    await drained(count)
  }
  bench.say('registration and warm-up come to rest')
  await comparison.rest()
}
