import type { Random } from '../time/random.ts'
import type { Scheduler } from '../time/scheduler.ts'
import { change, type ModelState } from './state.ts'

/** Beside what a process may die: a change of the state, or a call to the queue or the edge. */
export interface Moment {
  readonly process: string
  readonly step: string
  readonly side: 'before' | 'after'
}

export interface LifeDeps {
  readonly name: string
  readonly scheduler: Scheduler
  readonly random: Random
  readonly state: ModelState
  /** Asked at each moment: whether the process dies there. */
  readonly dies: (moment: Moment) => boolean
  readonly kill: () => void
}

/**
 * One life of a process, from its start to its kill. All that it does to the state and to others goes through here, and so
 * ends with it: what was under way never comes back.
 */
export class Life {
  #isOver = false
  readonly #deps: LifeDeps

  constructor(deps: LifeDeps) {
    this.#deps = deps
  }

  end(): void {
    this.#isOver = true
  }

  /** @returns the same promise, which never settles once the process is dead */
  whileAlive<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#isOver || resolve(value),
        (error) => this.#isOver || reject(error),
      )
    })
  }

  /** A transaction: it takes some time, and then it is one synchronous change. */
  async commit<T>(step: string, work: (state: ModelState) => T): Promise<T> {
    const { scheduler, random, state } = this.#deps
    await this.whileAlive(scheduler.sleep(random.between(0, COMMIT_MS_MAX)))
    await this.#pass(step, 'before')
    const result = change(state, work)
    await this.#pass(step, 'after')
    return result
  }

  /** A call to somebody else. */
  async call<T>(step: string, work: () => Promise<T>): Promise<T> {
    await this.#pass(step, 'before')
    const result = await this.whileAlive(work())
    await this.#pass(step, 'after')
    return result
  }

  #pass(step: string, side: Moment['side']): Promise<void> {
    const { name, dies, kill } = this.#deps
    if (!this.#isOver && dies({ process: name, step, side })) kill()
    return this.#isOver ? new Promise(() => undefined) : Promise.resolve()
  }
}

const COMMIT_MS_MAX = 5
