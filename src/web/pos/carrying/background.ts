import { BACKGROUND_SYNC_TAG, currentDevice } from '../../../device/browser/index.ts'
import { openCarrier } from './open-carrier.ts'

type SyncEvent = Event & { readonly tag?: string; waitUntil(done: Promise<unknown>): void }

/** For the service worker: pushes what is carried when the browser says that there is a network, also with no page open. */
export function onBackgroundPush(event: Event): void {
  const { tag } = event as SyncEvent
  if (tag === BACKGROUND_SYNC_TAG) (event as SyncEvent).waitUntil(pushInBackground())
}

async function pushInBackground(): Promise<void> {
  const till = await currentDevice()
  if (till === undefined) return
  const { waiting } = await openCarrier(till).pushCarried()
  // The browser sends the event again.
  if (waiting > 0) throw new Error(`${waiting} bundles of other tills still wait`)
}
