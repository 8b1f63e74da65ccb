/**
 * What lets several contexts (tabs, workers) use one storage. Both come from the platform; `@molam/offline/browser` has
 * them for browsers.
 */

/**
 * Runs one task at a time under a name, over every context that shares the storage. It frees the name when the task ends,
 * however it ends, and when its context dies. Web Locks do exactly this.
 *
 * @example
 * const exclusive: Exclusive = (name, run) => navigator.locks.request(name, run)
 */
export type Exclusive = <T>(name: string, run: () => Promise<T>) => Promise<T>

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
