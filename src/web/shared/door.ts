import {
  type BrowserDevice,
  type BrowserDeviceOptions,
  browserKeyStore,
  currentDevice,
  type EnrolledDevice,
  enrolDevice,
  type ForgetOptions,
  type ForgetResult,
  forgetDevice,
  openOfflineDevice,
  type Rescue,
} from '../../device/browser/index.ts'
import { OfflineError, type OfflineSDK } from '../../device/sdk/index.ts'
import { isTabBesideApp } from './install-first.tsx'
import { dropInvitation, type Invitation, invitationIn } from './invitation.ts'
import { isLeaving, whileLeaving } from './leaving.ts'
import { registerServiceWorker } from './service-worker.ts'
import { within } from './within.ts'

/** What one page differs in from another of the same site. @template Around what it has beside its device */
export interface PageOptions<Around> {
  /** Path of the page, with a slash at both ends. */
  readonly base: string
  /** Name of its database: one browser may be a till and somebody's phone at once. */
  readonly database: string
  /** What the page's device has beyond what every device has. */
  readonly options?: Pick<BrowserDeviceOptions, 'userPresence'>
  readonly around: (opening: OpeningDevice) => Around
  /** The device is no longer on this browser: what the page keeps beside it goes too. */
  readonly forgotten: (deviceId: string) => void
}

export interface OpeningDevice {
  readonly device: Pick<EnrolledDevice, 'deviceId' | 'apiUrl'>
  readonly sdk: OfflineSDK
  readonly serviceWorker: ServiceWorkerRegistration | undefined
}

/** While there is no device that is open. */
export type Closed =
  | { readonly status: 'opening' | 'enrolling' }
  /** This browser is no device. `error` is what came of the last attempt. */
  | { readonly status: 'stranger'; readonly invitation?: Invitation; readonly error?: OfflineError }
  /** This browser is no device yet, and an app that is installed from it later would be another one. */
  | { readonly status: 'install_first'; readonly invitation: Invitation | undefined }
  /** The link is for another device than this one. */
  | { readonly status: 'other'; readonly current: string; readonly invitation: Invitation }
  | { readonly status: 'failed'; readonly error: unknown }

/** What the page is while it opens, and what it is then. */
export type Opened<Around> =
  | Closed
  | ({ readonly status: 'open'; readonly sdk: OfflineSDK; readonly deviceId: string } & Around)
  /** The browser has deleted the device's storage under it. */
  | ({ readonly status: 'gone'; readonly rescue: Rescue; readonly deviceId: string } & Around)

/** What the device had saved before it was removed. */
export interface SavedFile {
  readonly bytes: Uint8Array
  readonly passphrase: string
}

/** The ways into the page's device, and out of it. What comes of each, `tell` hears. */
export interface Door {
  readonly base: string
  /**
   * Opens the device that this browser is. With an invitation in the address it becomes one first, without asking: who opens the link has
   * been given it.
   */
  open(): Promise<void>
  /** Makes this browser the device of the invitation, or asks for one. */
  become(invitation: Invitation | undefined): Promise<void>
  /**
   * Makes this browser the device of the invitation. May be called again with the same one when the answer was lost.
   *
   * @param saved goes back onto the device before it takes its first payment
   */
  enrol(invitation: Invitation, saved?: SavedFile): Promise<void>
  /** Removes the device from this browser. */
  forget(deviceId: string, options?: Pick<ForgetOptions, 'unsynced'>): Promise<ForgetResult>
}

/** Milliseconds that opening waits for the service worker: payments are taken without it. */
const WORKER_WITHIN_MS = 3_000

/** Milliseconds between syncs while payments wait for their outcome: the customer is still at the counter. */
export const SYNC_EVERY_MS = 10_000

/** @param tell hears of each step, and last of what the page is */
export function doorOf<Around>(page: PageOptions<Around>, tell: (opened: Opened<Around>) => void): Door {
  const { base, database } = page
  const door: Door = {
    base,
    async open() {
      tell({ status: 'opening' })
      try {
        const invitation = invitationIn(location.hash)
        const device = await currentDevice(database)
        if (device === undefined && isTabBesideApp()) return tell({ status: 'install_first', invitation })
        if (device === undefined) return await door.become(invitation)
        if (invitation && invitation.deviceId !== device.deviceId) {
          return tell({ status: 'other', current: device.deviceId, invitation })
        }
        dropInvitation()
        await start(page, tell)
      } catch (error) {
        tell({ status: 'failed', error })
      }
    },
    async become(invitation) {
      if (invitation === undefined) return tell({ status: 'stranger' })
      await door.enrol(invitation)
    },
    async enrol(invitation, saved) {
      tell({ status: 'enrolling' })
      const keyStore = browserKeyStore(database)
      try {
        await enrolDevice({ apiUrl: location.origin, ...invitation, keyStore })
        dropInvitation()
        await start(page, tell, saved)
      } catch (error) {
        if (error instanceof OfflineError) tell({ status: 'stranger', invitation, error })
        else tell({ status: 'failed', error })
      } finally {
        keyStore.close()
      }
    },
    async forget(deviceId, options) {
      const result = await whileLeaving(() => forgetDevice({ name: database, ...options }))
      if (result.forgotten) page.forgotten(deviceId)
      return result
    },
  }
  return door
}

async function start<Around>(
  page: PageOptions<Around>,
  tell: (opened: Opened<Around>) => void,
  saved?: SavedFile,
): Promise<void> {
  const device = await currentDevice(page.database)
  if (device === undefined) return tell({ status: 'stranger' })
  const { deviceId } = device
  const serviceWorker = await within(WORKER_WITHIN_MS, registerServiceWorker(page.base))
  const sdk = await openOfflineDevice({
    ...device,
    ...page.options,
    name: page.database,
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
  const around = page.around({ device, sdk, serviceWorker })
  sdk.onStorageGone(() => {
    if (!isLeaving()) void rescue(sdk, { deviceId, ...around }, tell)
  })
  tell({ status: 'open', sdk, deviceId, ...around })
}

async function rescue<Around>(
  sdk: BrowserDevice,
  around: { readonly deviceId: string } & Around,
  tell: (opened: Opened<Around>) => void,
): Promise<void> {
  try {
    const rescue = await sdk.rescue()
    await rescue.sdk.initialize()
    tell({ status: 'gone', rescue, ...around })
  } catch (error) {
    tell({ status: 'failed', error })
  }
}
