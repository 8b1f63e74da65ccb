import { webLocks } from '../../../device/browser/contexts.ts'
import { Database } from '../../../device/browser/database.ts'
import { recordsIn } from '../../../device/browser/storage.ts'
import { BundleCarrier } from '../../../device/relay/index.ts'

/** A database of its own: what is carried is not this till's, and goes neither with its payments nor with its keys. */
const NAME = 'molam-carried'

interface Till {
  readonly deviceId: string
  readonly apiUrl: string
}

/**
 * The carrier of this browser, for the page and for its service worker. The database is opened at the first use: a till
 * must open although nothing can be carried.
 */
export const openCarrier = ({ deviceId, apiUrl }: Till): BundleCarrier =>
  new BundleCarrier({ apiUrl, deviceId, storage: recordsIn(new Database(NAME)), exclusive: webLocks() })
