import type { EdgeFault } from '../../sim/cloudflare/faults.ts'
import type { Platform } from '../../sim/cloudflare/platform.ts'
import { Faults } from '../../sim/faults/faults.ts'
import { Random } from '../../sim/time/random.ts'
import { Scheduler } from '../../sim/time/scheduler.ts'

/** A moment of the simulated time, milliseconds. */
export const START_MS = Date.UTC(2026, 0, 15, 12)

/** Everything that a part of the simulated edge is handed, and what drives it. */
export class World {
  readonly random: Random
  readonly scheduler: Scheduler
  readonly faults: Faults<EdgeFault>
  readonly uncaught: string[] = []
  readonly platform: Platform

  constructor(seed: number) {
    this.random = new Random(seed)
    this.scheduler = new Scheduler(START_MS, this.random.stream('order'))
    this.faults = new Faults(this.random.stream('faults'))
    const { scheduler, random, faults } = this
    this.platform = { scheduler, random, faults, uncaught: (error, where) => this.uncaught.push(`${where}: ${error}`) }
  }

  /** Lets time pass until the work has ended. */
  async ends<T>(work: Promise<T>): Promise<T> {
    let isEnded = false
    const end = () => {
      isEnded = true
    }
    work.then(end, end)
    if (!(await this.scheduler.run(() => isEnded))) throw new Error('nothing is left to run, and it has not ended')
    return work
  }

  /** Lets time pass. */
  async passes(ms: number): Promise<void> {
    await this.scheduler.run(() => false, this.scheduler.nowMs + ms)
  }
}
