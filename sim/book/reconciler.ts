import type pg from 'pg'
import type { Config } from '../../reconciler/config.ts'
import { faultOf, type Log } from '../../reconciler/log.ts'
import { openReconciler } from '../../reconciler/run.ts'
import type { Random } from '../time/random.ts'
import type { Scheduler } from '../time/scheduler.ts'
import type { Due } from './due.ts'
import { DatabaseProcess } from './pool.ts'
import type { DatabaseServer } from './server.ts'

/** A line of a reconciler's log. */
export interface LogLine {
  readonly process: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface SimReconcilerOptions {
  readonly name: string
  readonly scheduler: Scheduler
  readonly random: Random
  readonly database: DatabaseServer
  readonly config: Config
  /** To the queue and the edge. */
  readonly fetch: typeof globalThis.fetch
  /** The clock of its machine; the world's when left out. */
  readonly clock?: () => number
  readonly log: (line: LogLine) => void
  /** Wakes idle loops when there is something to do; they ask twice a second when it is left out. */
  readonly due?: Due
  /** Hears what it asks the database. */
  readonly listen?: (pool: pg.Pool) => pg.Pool
  /** Whether it dies at this moment, in words: beside a COMMIT, or a call to the queue or the edge. */
  readonly dies?: (moment: string) => boolean
  /** It ended by itself: with a fault, or because it was told to. */
  readonly onExit?: (fault: string | undefined) => void
}

/** The production reconciler as a process that can be started, stopped and killed. */
export interface SimReconciler {
  readonly isRunning: boolean
  /** Does nothing when it runs. */
  start(): void
  /** It finishes the steps under way, as after SIGTERM. */
  stop(): void
  /** It dies where it stands. */
  kill(): void
}

export function openSimReconciler(options: SimReconcilerOptions): SimReconciler {
  let life: Life | undefined
  let lives = 0
  return {
    get isRunning() {
      return life !== undefined
    },
    start() {
      if (life !== undefined) return
      const own = new Life(options, ++lives, kill)
      life = own
      own.run().then(
        () => ended(own, undefined),
        (error) => ended(own, faultOf(error)),
      )
    },
    stop: () => life?.stop(),
    kill,
  }

  function kill(): void {
    life?.kill()
    life = undefined
  }

  function ended(own: Life, fault: string | undefined): void {
    // What a dead process comes to is nobody's business.
    if (life !== own) return
    life = undefined
    options.onExit?.(fault)
  }
}

/** From a start to an end. The code of one that was killed goes on to its next wait, and finds nothing there any more. */
class Life {
  readonly #options: SimReconcilerOptions
  readonly #random: Random
  readonly #process: DatabaseProcess
  readonly #stop = new AbortController()
  readonly #die: () => void
  #isAlive = true

  constructor(options: SimReconcilerOptions, no: number, die: () => void) {
    this.#options = options
    this.#die = die
    this.#random = options.random.stream(`${options.name}/${no}`)
    this.#process = new DatabaseProcess(options.database, options.name, (step, side) => {
      if (step === 'commit') this.#pass(`${side} a COMMIT`)
    })
  }

  async run(): Promise<void> {
    const { config, scheduler, due, clock = () => Math.floor(scheduler.nowMs) } = this.#options
    const { listen = (pool) => pool } = this.#options
    const reconciler = await openReconciler(config, {
      fetch: this.#fetch,
      clock,
      random: () => this.#random.next(),
      log: this.#log(),
      openPool: (...args) => listen(this.#process.openPool(...args)),
      ...(due && { pause: due.pause }),
    })
    try {
      await reconciler.run(this.#stop.signal)
    } finally {
      await reconciler.close()
    }
  }

  stop(): void {
    this.#stop.abort()
  }

  kill(): void {
    this.#isAlive = false
    this.#process.kill()
    // So that its loops end instead of asking for ever.
    this.#stop.abort()
  }

  readonly #fetch: typeof globalThis.fetch = async (input, init) => {
    this.#pass('before a call')
    if (!this.#isAlive) return NEVER
    try {
      const answer = await this.#options.fetch(input, init)
      this.#pass('after a call')
      return this.#isAlive ? answer : NEVER
    } catch (error) {
      if (this.#isAlive) throw error
      return NEVER
    }
  }

  #pass(moment: string): void {
    if (this.#isAlive && this.#options.dies?.(moment)) this.#die()
  }

  #log(): Log {
    const at = (level: LogLine['level']) => (fields: Readonly<Record<string, unknown>>, message: string) => {
      if (this.#isAlive) this.#options.log({ process: this.#options.name, level, message, fields })
    }
    const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
    return log as unknown as Log
  }
}

const NEVER = new Promise<never>(() => undefined)
