/** Background Sync (WICG): where there is none, the page sends when it is open. */
interface WithSync {
  readonly sync?: { register(tag: string): Promise<void> }
}

/** Tag of our `sync` events, by which a service worker tells them from its own. */
export const BACKGROUND_SYNC_TAG = 'molam-offline-sync'

/**
 * Asks the browser to send a `sync` event to the service worker as soon as there is a network, even if the page is closed
 * by then. May be called any number of times.
 *
 * @returns whether the browser will: some have no background sync, some have it switched off
 */
export async function registerBackgroundSync(registration: ServiceWorkerRegistration): Promise<boolean> {
  const { sync } = registration as WithSync
  try {
    await sync?.register(BACKGROUND_SYNC_TAG)
    return sync !== undefined
  } catch {
    return false
  }
}
