import type { OfflineSDKOptions } from '../sdk/options.ts'
import { memoryStorage } from '../sdk/ports/storage.ts'
import { webCryptoAtRest } from '../sdk/ports/web-crypto-at-rest.ts'
import { OfflineSDK } from '../sdk/sdk.ts'
import type { DeviceKeys } from './database.ts'
import { signerOf } from './key-store.ts'

/** What a page has read of its device, and written. */
export interface Seen {
  readonly records: Map<string, string>
  keys?: DeviceKeys
}

/**
 * A device whose storage the browser has deleted, on what this page still has of it in memory: it sends what was never sent,
 * and hands it over as a file, for as long as the page lives.
 *
 * - `sends`: false where another window of the app does so. Two that go on from one place in the chain would look like a
 *   clone to the edge
 */
export interface Rescue {
  readonly sdk: OfflineSDK
  readonly sends: boolean
}

/** @param lock a name that all windows of the app share */
export async function rescueOf(seen: Seen, options: OfflineSDKOptions, lock: string): Promise<Rescue> {
  const { keys } = seen
  const sends = await isFirst(lock)
  const { exclusive: _, channel: __, ...alone } = options
  const sdk = new OfflineSDK({
    ...alone,
    storage: memoryStorage(new Map(seen.records)),
    atRest: webCryptoAtRest(async () => keys?.atRest),
    keyStore: {
      load: async () => (keys ? { status: 'ready', signer: await signerOf(keys) } : { status: 'missing' }),
    },
    autoSync: sends,
    ...(!sends && { fetch: () => Promise.reject(new Error('another window sends')) }),
  })
  return { sdk, sends }
}

/** Held for as long as the page lives: a window that was second never sends, because the first one may have. */
function isFirst(lock: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(lock, { ifAvailable: true }, (granted) => {
        resolve(granted !== null)
        return granted && new Promise<never>(() => undefined)
      })
      .catch(reject)
  })
}
