import { currentDevice, enrolDevice, openOfflineDevice, registerBackgroundSync } from '../../device/browser/index.ts'
import { OfflineError, type OfflineSDK } from '../../device/sdk/index.ts'
import { Carrying } from './carrying/carrying.ts'
import { openCarrier } from './carrying/open-carrier.ts'
import { dropInvitation, type Invitation, invitationIn } from './invitation.ts'
import { registerServiceWorker } from './service-worker.ts'

/** What the page is while it opens, and what it is then. */
export type Opened =
  | { readonly status: 'opening' | 'enrolling' }
  /** This browser is no till. `error` is what came of the last attempt. */
  | { readonly status: 'stranger'; readonly invitation?: Invitation; readonly error?: OfflineError }
  /** The link is for another till than this one. */
  | { readonly status: 'other'; readonly current: string; readonly invitation: Invitation }
  | { readonly status: 'failed'; readonly error: unknown }
  | { readonly status: 'open'; readonly sdk: OfflineSDK; readonly deviceId: string; readonly carrying: Carrying }

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
    if (device === undefined && invitation === undefined) return tell({ status: 'stranger' })
    if (device === undefined && invitation !== undefined) return await enrol(invitation, tell)
    if (device && invitation && invitation.deviceId !== device.deviceId) {
      return tell({ status: 'other', current: device.deviceId, invitation })
    }
    dropInvitation()
    await open(tell)
  } catch (error) {
    tell({ status: 'failed', error })
  }
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
  const serviceWorker = await registerServiceWorker()
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
  tell({ status: 'open', sdk, deviceId: device.deviceId, carrying })
}
