import type { Channel, Exclusive } from '../sdk/ports/contexts.ts'

/**
 * Runs one at a time over all tabs and workers of the site. A tab that is closed or crashes lets go.
 *
 * @throws TypeError where the browser has no Web Locks: two tabs would then give one number to two payments, so there is
 * no way to go on without
 */
export function webLocks(): Exclusive {
  const locks: LockManager | undefined = globalThis.navigator?.locks
  if (locks === undefined) throw new TypeError('this browser has no Web Locks; it has them on https pages only')
  return async (name, run, waitMs) => {
    const waiting = new AbortController()
    const timer = setTimeout(() => waiting.abort(new DOMException(`${name} is not free`, 'TimeoutError')), waitMs)
    const begin = () => {
      clearTimeout(timer)
      return run()
    }
    try {
      return await locks.request(name, { signal: waiting.signal }, begin)
    } finally {
      clearTimeout(timer)
    }
  }
}

/**
 * Tells the other tabs and workers that something was written.
 *
 * @param name the same in all of them, and another one for another device
 */
export function broadcastChannel(name: string): Channel {
  const channel = new BroadcastChannel(name)
  return {
    post: () => channel.postMessage(null),
    subscribe(heard) {
      const listener = () => heard()
      channel.addEventListener('message', listener)
      return () => channel.removeEventListener('message', listener)
    },
    close: () => channel.close(),
  }
}
