import { OfflineError } from '../sdk/errors.ts'
import type { OfflineSDKOptions } from '../sdk/options.ts'
import type { DestroyReport } from '../sdk/rescue/left-behind.ts'
import { OfflineSDK } from '../sdk/sdk.ts'
import { registerBackgroundSync } from './background-sync.ts'
import { broadcastChannel, webLocks } from './contexts.ts'
import { Database, type EnrolledDevice } from './database.ts'
import { browserHints } from './hints.ts'
import { keysIn } from './key-store.ts'
import { persistStorage } from './persistence.ts'
import { type Rescue, rescueOf, type Seen } from './rescue.ts'
import { DEFAULT_NAME, recordsIn } from './storage.ts'

type Wired = 'storage' | 'keyStore' | 'atRest' | 'channel' | 'hints'

/** Options of the SDK, less what the browser provides. `autoSync` is on unless it is switched off. */
export interface BrowserDeviceOptions extends Omit<OfflineSDKOptions, Wired> {
  /** Name of the database. */
  readonly name?: string
  /** The page's service worker, which goes on sending when the page is closed; it calls `onBackgroundSync`. */
  readonly serviceWorker?: ServiceWorkerRegistration | undefined
}

/** A device that holds a database open until it is destroyed. */
export class BrowserDevice extends OfflineSDK {
  readonly #database: Database
  readonly #seen: Seen
  readonly #options: OfflineSDKOptions

  constructor(database: Database, seen: Seen, options: OfflineSDKOptions) {
    super(options)
    this.#database = database
    this.#seen = seen
    this.#options = options
  }

  /**
   * @param heard is called once when the browser has deleted the device's storage under it: the person cleared the site's
   * data, or another window has forgotten the device. Nothing can be taken any more; see `rescue()`
   */
  onStorageGone(heard: () => void): void {
    this.#database.onGone(heard)
  }

  /** After `onStorageGone`: this device on what the page has in memory, to be initialized and destroyed like any other. */
  async rescue(): Promise<Rescue> {
    await this.destroy()
    return rescueOf(this.#seen, this.#options, `molam/${this.#options.deviceId}/rescue`)
  }

  override async destroy(): Promise<DestroyReport> {
    try {
      return await super.destroy()
    } finally {
      this.#database.close()
    }
  }
}

/**
 * The device that this browser is, wired to IndexedDB, non-extractable keys, Web Locks and the browser's events: any
 * number of tabs and workers may have it open at once. Call `initialize()` next; `destroy()` closes it.
 *
 * @throws OfflineError `key_mismatch` when the browser is enrolled as another device
 * @throws TypeError in a browser without Web Locks or WebCrypto, and on a page without https
 * @throws DOMException when IndexedDB cannot be opened
 * @example
 * const who = await currentDevice()
 * const sdk = await openOfflineDevice({ ...who })
 * await sdk.initialize()
 */
export async function openOfflineDevice(options: BrowserDeviceOptions): Promise<BrowserDevice> {
  const { name = DEFAULT_NAME, serviceWorker, ...rest } = options
  const exclusive = rest.exclusive ?? webLocks()
  const database = new Database(name)
  const seen: Seen = { records: new Map() }
  try {
    const keyStore = keysIn(database, seen)
    const known = await keyStore.enrolled()
    if (known !== undefined && known.deviceId !== rest.deviceId) {
      throw new OfflineError('key_mismatch', { detail: `this browser is ${known.deviceId}` })
    }
    const sdk = new BrowserDevice(database, seen, {
      autoSync: true,
      ...rest,
      exclusive,
      keyStore,
      storage: recordsIn(database, seen.records),
      atRest: keyStore.atRest,
      channel: broadcastChannel(`molam/${name}/${rest.deviceId}`),
      hints: browserHints,
    })
    void persistStorage()
    if (serviceWorker) keepSending(sdk, serviceWorker)
    return sdk
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Who this browser is enrolled as.
 *
 * @returns undefined before `enrolDevice`, and after the browser's storage was cleared
 */
export async function currentDevice(
  name: string = DEFAULT_NAME,
): Promise<Pick<EnrolledDevice, 'deviceId' | 'apiUrl'> | undefined> {
  const database = new Database(name)
  try {
    const known = await keysIn(database).enrolled()
    return known && { deviceId: known.deviceId, apiUrl: known.apiUrl }
  } finally {
    database.close()
  }
}

/** With the first payment that waits, the browser is asked to wake the service worker when there is a network. */
function keepSending(sdk: OfflineSDK, serviceWorker: ServiceWorkerRegistration): void {
  let waiting = false
  sdk.on('state', ({ unsynced }) => {
    if (unsynced !== 0 && !waiting) void registerBackgroundSync(serviceWorker)
    waiting = unsynced !== 0
  })
}
