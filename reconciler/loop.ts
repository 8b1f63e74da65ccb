import { MINUTE_MS } from '../src/protocol/time.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import { InvalidConfig } from './config.ts'
import { faultOf, type Log } from './log.ts'

/** Asked by a long step between its parts: shows that it is alive, and says whether to go on or to come to an end. */
export type GoOn = () => boolean

/** Work that is repeated: at once while there is some, then when it is woken, or after a pause. */
export interface Loop {
  readonly name: string
  /** @returns how much there was to do */
  readonly step: (goOn: GoOn) => Promise<number>
  readonly wakeup: Wakeup
  /** How long to wait to be woken. */
  readonly idleMs: number
  /** Of the loops that go on with what this one did. */
  readonly wakes: readonly Wakeup[]
  /** How long a step may show no sign of life. */
  readonly silentMaxMs?: number
}

/** A part that is down is asked again with growing pauses, for as long as it takes. */
const OUTAGE: Backoff = { firstMs: 250, maxMs: 15_000 }
/** Several waits of a step in a row, each of which has a deadline of its own. */
const SILENT_MAX_MS = 3 * MINUTE_MS

export interface LoopDeps {
  readonly signal: AbortSignal
  readonly log: Log
  readonly random: () => number
  /** Told how long each step took and what there was to do; nothing when it failed. */
  readonly observe?: (name: string, seconds: number, count: number | undefined) => void
  /** Told when a step begins and between its parts. */
  readonly alive?: (name: string) => void
  /** Told that a step was given up. It still hangs somewhere, and the next one has begun. */
  readonly gaveUp?: (name: string) => void
  /** How a loop waits while there is nothing to do, where somebody knows when there will be; `idleMs` when left out. */
  readonly pause?: (loop: Loop) => Promise<void>
}

/**
 * Runs until the signal says stop; a step under way is finished first. A step that shows no sign of life for too long is
 * given up, and the next one begins: should it go on after all, it is one more worker beside this one, as in another
 * process.
 *
 * @throws InvalidConfig: what only a person can mend is not waited out
 */
export async function runLoop(loop: Loop, deps: LoopDeps): Promise<void> {
  const { name, wakeup, idleMs, wakes } = loop
  const { signal, log, random, observe, pause = () => wakeup.wait(idleMs) } = deps
  const stop = () => wakeup.wake()
  signal.addEventListener('abort', stop)
  try {
    for (let failures = 0; !signal.aborted; ) {
      const startedAt = performance.now()
      const done = (count?: number) => observe?.(name, (performance.now() - startedAt) / 1000, count)
      try {
        const count = await oneStep(loop, deps)
        failures = 0
        done(count)
        if (count === 0) await pause(loop)
        else for (const next of wakes) next.wake()
      } catch (error) {
        failures += 1
        done()
        log.error({ loop: name, failures, fault: faultOf(error) }, 'step failed')
        if (error instanceof InvalidConfig) throw error
        if (error instanceof StepHangs) deps.gaveUp?.(name)
        await wakeup.wait(backoffMs(OUTAGE, failures, random()))
      }
    }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** When a loop cannot go on, the others finish their step and end. */
export async function runAll(loops: readonly Loop[], deps: LoopDeps): Promise<void> {
  const ended = new AbortController()
  const signal = AbortSignal.any([deps.signal, ended.signal])
  const results = await Promise.allSettled(
    loops.map((loop) => runLoop(loop, { ...deps, signal }).finally(() => ended.abort())),
  )
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** A step showed no sign of life for longer than all its deadlines together. */
export class StepHangs extends Error {
  override name = 'StepHangs'
}

async function oneStep({ name, step, silentMaxMs = SILENT_MAX_MS }: Loop, { signal, alive }: LoopDeps) {
  const hangs = Promise.withResolvers<never>()
  let givenUp = false
  const timer = setTimeout(() => {
    givenUp = true
    hangs.reject(new StepHangs(`no sign of life for ${silentMaxMs} ms`))
  }, silentMaxMs)
  const goOn = () => {
    if (givenUp) return false
    timer.refresh()
    alive?.(name)
    return !signal.aborted
  }
  goOn()
  try {
    return await Promise.race([step(goOn), hangs.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Ends a loop's pause at once. A call that comes while the loop works is kept for its next pause. */
export class Wakeup {
  #called = false
  #endPause: (() => void) | undefined

  wake(): void {
    this.#called = true
    this.#endPause?.()
  }

  async wait(ms: number): Promise<void> {
    if (!this.#called) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        this.#endPause = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#called = false
    this.#endPause = undefined
  }
}
