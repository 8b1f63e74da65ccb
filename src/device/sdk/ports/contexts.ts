import { OfflineError } from '../errors.ts'

/**
 * What lets several contexts (tabs, workers) use one storage. Both come from the platform; `@molam/offline/browser` has
 * them for browsers.
 */

/**
 * Runs one task at a time under a name, over every context that shares the storage. It frees the name when the task ends,
 * however it ends, and when its context dies. Web Locks do exactly this.
 *
 * A context that is frozen keeps its name for as long as that lasts. Where the name is not free within `waitMs`, it
 * rejects with an
 * error named `TimeoutError`, and the task is never run.
 *
 * @example
 * const exclusive: Exclusive = (name, run, waitMs) =>
 *   navigator.locks.request(name, { signal: AbortSignal.timeout(waitMs) }, run)
 */
export type Exclusive = <T>(name: string, run: () => Promise<T>, waitMs: number) => Promise<T>

/** Milliseconds that a change waits for the others': no change is held over a request, so only a frozen context takes longer. */
export const CHANGE_WAIT_MS = 10_000

/**
 * Waits for a name no longer than it says.
 *
 * @throws OfflineError `device_busy`: the task was not run, and will not be
 */
export async function exclusively<T>(
  exclusive: Exclusive,
  name: string,
  run: () => Promise<T>,
  waitMs = CHANGE_WAIT_MS,
): Promise<T> {
  let begun = false
  const begin = () => {
    begun = true
    return run()
  }
  try {
    return await exclusive(name, begin, waitMs)
  } catch (cause) {
    const isTimeout = cause instanceof Error && cause.name === 'TimeoutError'
    throw isTimeout && !begun ? new OfflineError('device_busy', { cause }) : cause
  }
}

/** Tells other contexts on the same storage that something was written, and hears it from them. */
export interface Channel {
  /** What it throws is ignored: it is called after the write. */
  post(): void
  /** @returns a function that ends the subscription */
  subscribe(heard: () => void): () => void
  /** Called once, by `destroy()`. */
  close(): void
}

/**
 * What the platform thinks of the network and the page; never proof of anything.
 *
 * - `online`: a sync is tried soon
 * - `offline`: payments are not held up by trying to reach the edge
 * - `visible`: what other contexts wrote is read, and a sync is tried soon
 * - `hidden`: what waits is sent while there is time
 */
export type Hint = 'online' | 'offline' | 'visible' | 'hidden'

/** @returns a function that ends the subscription */
export type Hints = (hear: (hint: Hint) => void) => () => void
