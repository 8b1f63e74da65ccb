import type { Random } from '../time/random.ts'
import type { Scheduler } from '../time/scheduler.ts'
import type { EdgeFaults } from './faults.ts'

/** What every part of the simulated edge is handed. */
export interface Platform {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly faults: EdgeFaults
  /** Told of what production code threw where nobody could catch it: in `waitUntil`, an alarm, a batch. */
  readonly uncaught: (error: unknown, where: string) => void
}

/** A part's own stream of chance: what one part draws more changes no other. */
export const partOf = (platform: Platform, name: string): Platform => ({
  ...platform,
  random: platform.random.stream(name),
})

/** Between two services of one place, milliseconds. */
const WAY_MS = 12
/** Steps of a promise chain that a fault may wait, so that it strikes between any two awaits. */
const HOPS_MAX = 60

/** One way between two services. */
export const travel = ({ scheduler, random }: Platform): Promise<void> => scheduler.sleep(1 + random.next() * WAY_MS)

/**
 * Runs something at any await of what runs now: after a few steps of promise chains, which no timer reaches, or after a
 * while.
 */
export function atSomeAwait({ scheduler, random }: Platform, withinMs: number, run: () => void): void {
  if (random.chance(0.5)) void afterHops(random.between(0, HOPS_MAX)).then(run)
  else scheduler.after(random.next() * withinMs, run)
}

async function afterHops(hops: number): Promise<void> {
  for (let hop = 0; hop < hops; hop++) await undefined
}
