import { cleanupOutdatedCaches, type PrecacheEntry, precacheAndRoute } from 'workbox-precaching'
import { onBackgroundSync } from '../../device/browser/index.ts'

/** What a page's service worker is given. */
export interface Worker extends EventTarget {
  readonly __WB_MANIFEST: readonly (PrecacheEntry | string)[]
  readonly clients: { claim(): Promise<void> }
  skipWaiting(): Promise<void>
}
type Lasting = Event & { waitUntil(done: Promise<unknown>): void }

/**
 * Keeps a page on the phone, so that it opens without a network, and sends what waits when the browser says that there is
 * one again. It answers for the page's own files only: no request to the edge passes through it, so no answer about money
 * ever comes from a cache.
 *
 * @param database of the page's device
 */
export function keepPage(worker: Worker, files: readonly (PrecacheEntry | string)[], database: string): void {
  precacheAndRoute([...files])
  cleanupOutdatedCaches()
  // The page that installs it works without a network from then on, not only after it was opened once more.
  worker.addEventListener('activate', (event) => (event as Lasting).waitUntil(worker.clients.claim()))
  worker.addEventListener('sync', (event) => onBackgroundSync(event, { name: database }))
  worker.addEventListener('message', (event) => {
    // A person asked for the new version (service-worker.ts).
    if ((event as MessageEvent).data?.type === 'SKIP_WAITING') void worker.skipWaiting()
  })
}
