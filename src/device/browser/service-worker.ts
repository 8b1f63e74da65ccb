import type { SyncReport } from '../sdk/sync/sync.ts'
import { BACKGROUND_SYNC_TAG } from './background-sync.ts'
import { type BrowserDeviceOptions, currentDevice, openOfflineDevice } from './open.ts'

interface SyncEvent extends Event {
  readonly tag: string
  waitUntil(done: Promise<unknown>): void
}

export type BackgroundSyncOptions = Partial<Omit<BrowserDeviceOptions, 'autoSync' | 'serviceWorker'>>

/**
 * For a service worker: sends what waits when the browser says that there is a network. Tabs may be open at the same time.
 *
 * @param event of any kind; one that is not ours is left alone
 * @example
 * self.addEventListener('sync', (event) => onBackgroundSync(event))
 */
export function onBackgroundSync(event: Event, options: BackgroundSyncOptions = {}): void {
  const { tag, waitUntil } = event as Partial<SyncEvent>
  if (tag === BACKGROUND_SYNC_TAG) waitUntil?.call(event, syncInBackground(options))
}

/**
 * Opens the device, syncs once, closes it.
 *
 * @returns undefined when this browser is no device
 * @throws OfflineError when payments still wait and trying again soon may help: the browser then sends the event again
 */
export async function syncInBackground(options: BackgroundSyncOptions = {}): Promise<SyncReport | undefined> {
  const device = await currentDevice(options.name)
  if (device === undefined) return undefined
  const sdk = await openOfflineDevice({ ...device, ...options, autoSync: false })
  try {
    await sdk.initialize()
    const report = await sdk.syncNow()
    if (report.status === 'retry_later' && report.error) throw report.error
    return report
  } finally {
    await sdk.destroy()
  }
}
