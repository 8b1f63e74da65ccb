import type { Scheduler, Waiting } from '../time/scheduler.ts'
import type { ModelState } from './state.ts'

/** A part of the process that works while there is something to do, and then waits until something is due or has changed. */
export interface ModelLoop {
  /** @returns how much there was to do */
  readonly step: () => Promise<number>
  /** @returns when there is something to do next, by the process's clock; undefined: only a change can tell */
  readonly nextMs: (nowMs: number) => number | undefined
}

/** A part that is down is asked again after this long. */
const OUTAGE_MS = 2_000

export interface LoopDeps {
  readonly scheduler: Scheduler
  readonly state: ModelState
  readonly clock: () => number
  readonly failed: (error: unknown) => void
}

/** Begins a loop. @returns ends it: what it is waiting for in its step is for the caller to hold back */
export function startLoop(loop: ModelLoop, deps: LoopDeps): () => void {
  const { scheduler, state, clock, failed } = deps
  let waiting: Waiting | undefined
  let isWorking = false
  let isEnded = false

  const work = async () => {
    isWorking = true
    let isWell = true
    let count = 0
    try {
      do count = await loop.step()
      while (count > 0 && !isEnded)
    } catch (error) {
      isWell = false
      failed(error)
    }
    isWorking = false
    if (isWell) look()
    else arm(OUTAGE_MS)
  }

  /** When is something due? Asked again after each change, by whatever process it was made. */
  const look = () => {
    if (isWorking || isEnded) return
    const nowMs = clock()
    const nextMs = loop.nextMs(nowMs)
    waiting?.cancel()
    waiting = undefined
    if (nextMs !== undefined) arm(nextMs - nowMs)
  }

  const arm = (delayMs: number) => {
    if (isEnded) return
    waiting?.cancel()
    waiting = scheduler.after(delayMs, () => {
      waiting = undefined
      void work()
    })
  }

  state.watchers.add(look)
  look()
  return () => {
    isEnded = true
    waiting?.cancel()
    state.watchers.delete(look)
  }
}
