import {
  type BrowserDevice,
  currentDevice,
  enrolDevice,
  openOfflineDevice,
  type Rescue,
  registerBackgroundSync,
} from '../../device/browser/index.ts'
import { OfflineError, type OfflineSDK } from '../../device/sdk/index.ts'
import { Carrying } from './carrying/carrying.ts'
import { openCarrier } from './carrying/open-carrier.ts'
import { isTabBesideApp } from './install-first.tsx'
import { dropInvitation, type Invitation, invitationIn } from './invitation.ts'
import { isLeaving } from './leaving.ts'
import { registerServiceWorker } from './service-worker.ts'
import { within } from './within.ts'

/** What the page is while it opens, and what it is then. */
export type Opened =
  | { readonly status: 'opening' | 'enrolling' }
  /** This browser is no till. `error` is what came of the last attempt. */
  | { readonly status: 'stranger'; readonly invitation?: Invitation; readonly error?: OfflineError }
  /** This browser is no till yet, and an app that is installed from it later would be another one. */
  | { readonly status: 'install_first'; readonly invitation: Invitation | undefined }
  /** The link is for another till than this one. */
  | { readonly status: 'other'; readonly current: string; readonly invitation: Invitation }
  | { readonly status: 'failed'; readonly error: unknown }
  | ({ readonly status: 'open'; readonly sdk: OfflineSDK } & Till)
  /** The browser has deleted the till's storage under it. */
  | ({ readonly status: 'gone'; readonly rescue: Rescue } & Till)

interface Till {
  readonly deviceId: string
  readonly carrying: Carrying
}

/** Milliseconds that opening waits for the service worker: payments are taken without it. */
const WORKER_WITHIN_MS = 3_000

/** Milliseconds between syncs while payments wait for their outcome: the customer is still at the counter. */
const SYNC_EVERY_MS = 10_000

/**
 * Opens the till that this browser is. With an invitation in the address it becomes one first, without asking: who opens
 * the link has been given it.
 *
 * @param tell hears of each step, and last of what the page is
 */
export async function openTill(tell: (opened: Opened) => void): Promise<void> {
  tell({ status: 'opening' })
  try {
    const invitation = invitationIn(location.hash)
    const device = await currentDevice()
    if (device === undefined && isTabBesideApp()) return tell({ status: 'install_first', invitation })
    if (device === undefined) return await become(invitation, tell)
    if (invitation && invitation.deviceId !== device.deviceId) {
      return tell({ status: 'other', current: device.deviceId, invitation })
    }
    dropInvitation()
    await open(tell)
  } catch (error) {
    tell({ status: 'failed', error })
  }
}

/** Makes this browser the till of the invitation, or asks for one. */
export async function become(invitation: Invitation | undefined, tell: (opened: Opened) => void): Promise<void> {
  if (invitation === undefined) return tell({ status: 'stranger' })
  await enrol(invitation, tell)
}

/** What the till had saved before it was removed. */
export interface SavedFile {
  readonly bytes: Uint8Array
  readonly passphrase: string
}

/**
 * Makes this browser the till of the invitation. May be called again with the same one when the answer was lost.
 *
 * @param saved goes back onto the till before it takes its first payment
 */
export async function enrol(invitation: Invitation, tell: (opened: Opened) => void, saved?: SavedFile): Promise<void> {
  tell({ status: 'enrolling' })
  try {
    await enrolDevice({ apiUrl: location.origin, ...invitation })
    dropInvitation()
    await open(tell, saved)
  } catch (error) {
    if (error instanceof OfflineError) tell({ status: 'stranger', invitation, error })
    else tell({ status: 'failed', error })
  }
}

async function open(tell: (opened: Opened) => void, saved?: SavedFile): Promise<void> {
  const device = await currentDevice()
  if (device === undefined) return tell({ status: 'stranger' })
  const serviceWorker = await within(WORKER_WITHIN_MS, registerServiceWorker())
  const sdk = await openOfflineDevice({
    ...device,
    syncEveryMs: SYNC_EVERY_MS,
    ...(serviceWorker && { serviceWorker }),
  })
  try {
    if (saved) await sdk.restoreUnsynced(saved.bytes, saved.passphrase)
    await sdk.initialize()
  } catch (error) {
    await sdk.destroy()
    throw error
  }
  const carrying = new Carrying({
    carrier: openCarrier(device),
    everyMs: SYNC_EVERY_MS,
    onWaiting: () => serviceWorker && void registerBackgroundSync(serviceWorker),
  })
  // A sync that reached the edge is the best sign of a network.
  sdk.on('sync', ({ status }) => status === 'done' && carrying.wake())
  const till = { deviceId: device.deviceId, carrying }
  sdk.onStorageGone(() => {
    if (!isLeaving()) void rescue(sdk, till, tell)
  })
  tell({ status: 'open', sdk, ...till })
}

async function rescue(sdk: BrowserDevice, till: Till, tell: (opened: Opened) => void): Promise<void> {
  try {
    const rescue = await sdk.rescue()
    await rescue.sdk.initialize()
    tell({ status: 'gone', rescue, ...till })
  } catch (error) {
    tell({ status: 'failed', error })
  }
}
