import { BundleCarrier } from '../../../relay/index.ts'
import { webLocks } from '../../../sdk-browser/contexts.ts'
import { Database } from '../../../sdk-browser/database.ts'
import { recordsIn } from '../../../sdk-browser/storage.ts'

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
