import { type Backoff, backoffMs } from './backoff.ts'
import { faultOf, type Log } from './log.ts'

/** Asked by a long step between its parts: shows that it is alive, and says whether to go on or to come to an end. */
export type GoOn = () => boolean

/** Work that is repeated: at once while there is some, then when its bell rings, or after a pause. */
export interface Loop {
  readonly name: string
  /** @returns how much there was to do */
  readonly step: (goOn: GoOn) => Promise<number>
  readonly bell: Bell
  /** How long to wait for the bell. */
  readonly idleMs: number
  /** Bells of the loops that go on with what this one did. */
  readonly wakes: readonly Bell[]
}

/** A part that is down is asked again with growing pauses, for as long as it takes. */
const OUTAGE: Backoff = { firstMs: 250, maxMs: 15_000 }

export interface LoopDeps {
  readonly signal: AbortSignal
  readonly log: Log
  readonly random: () => number
  /** Told how long each step took and what there was to do; nothing when it failed. */
  readonly observe?: (name: string, seconds: number, count: number | undefined) => void
  /** Told when a step begins and between its parts. */
  readonly alive?: (name: string) => void
}

/** Runs until the signal says stop; a step under way is finished first. */
export async function runLoop(
  { name, step, bell, idleMs, wakes }: Loop,
  { signal, log, random, observe, alive }: LoopDeps,
): Promise<void> {
  const stop = () => bell.ring()
  const goOn = () => {
    alive?.(name)
    return !signal.aborted
  }
  signal.addEventListener('abort', stop)
  for (let failures = 0; !signal.aborted; ) {
    const startedAt = performance.now()
    const done = (count?: number) => observe?.(name, (performance.now() - startedAt) / 1000, count)
    try {
      goOn()
      const count = await step(goOn)
      failures = 0
      done(count)
      if (count === 0) await bell.wait(idleMs)
      else for (const next of wakes) next.ring()
    } catch (error) {
      failures += 1
      done()
      log.error({ loop: name, failures, fault: faultOf(error) }, 'step failed')
      await bell.wait(backoffMs(OUTAGE, failures, random()))
    }
  }
  signal.removeEventListener('abort', stop)
}

/** Wakes a loop at once; a ring that nobody waits for is kept for the next wait. */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#rung = false
    this.#wake = undefined
  }
}
