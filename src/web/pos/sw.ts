import { cleanupOutdatedCaches, type PrecacheEntry, precacheAndRoute } from 'workbox-precaching'
import { onBackgroundSync } from '../../device/browser/index.ts'
import { onBackgroundPush } from './carrying/background.ts'

/**
 * Keeps the page on the phone, so that it opens without a network, and sends what waits when the browser says that there is
 * one again. It answers for the page's own files only: no request to the edge passes through it, so no answer about money
 * ever comes from a cache.
 */
interface Worker extends EventTarget {
  readonly __WB_MANIFEST: readonly (PrecacheEntry | string)[]
  readonly clients: { claim(): Promise<void> }
  skipWaiting(): Promise<void>
}
type Lasting = Event & { waitUntil(done: Promise<unknown>): void }

declare const self: Worker & typeof globalThis

precacheAndRoute([...self.__WB_MANIFEST])
cleanupOutdatedCaches()

// The page that installs it works without a network from then on, not only after it was opened once more.
self.addEventListener('activate', (event) => (event as Lasting).waitUntil(self.clients.claim()))
self.addEventListener('sync', (event) => onBackgroundSync(event))
self.addEventListener('sync', (event) => onBackgroundPush(event))
self.addEventListener('message', ({ data }: MessageEvent) => {
  // A person asked for the new version (service-worker.ts).
  if (data?.type === 'SKIP_WAITING') void self.skipWaiting()
})
