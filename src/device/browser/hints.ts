import type { Hint } from '../sdk/ports/contexts.ts'

/**
 * What the browser thinks of the network, and whether anybody looks at the page. `navigator.onLine` is true behind a
 * captive portal and on a cable to nowhere: a hint to try, never a reason not to.
 *
 * @returns unsubscribes
 */
export function browserHints(hear: (hint: Hint) => void): () => void {
  const listening = new AbortController()
  const on = (target: EventTarget, event: string, hint: () => Hint) =>
    target.addEventListener(event, () => hear(hint()), { signal: listening.signal })

  on(globalThis, 'online', () => 'online')
  on(globalThis, 'offline', () => 'offline')
  // A worker has no document.
  if (typeof document !== 'undefined') {
    on(document, 'visibilitychange', () => (document.visibilityState === 'hidden' ? 'hidden' : 'visible'))
    // Leaving the page: some browsers send no visibilitychange then.
    on(globalThis, 'pagehide', () => 'hidden')
    // Back from the back/forward cache.
    on(globalThis, 'pageshow', () => 'visible')
  }
  return () => listening.abort()
}
