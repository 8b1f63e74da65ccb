import type { Storage } from '../sdk/ports/storage.ts'
import { Database } from './database.ts'

/** The database of an app that does not name it; a page with two devices gives each a name. */
export const DEFAULT_NAME = 'molam'

interface RecordsWriter {
  put(value: string, key: string): Promise<unknown>
  delete(key: string): Promise<unknown>
}

export interface ClosableStorage extends Storage {
  close(): void
}

/**
 * The device's records in IndexedDB, a record a key. A write that resolved was reported as being on the disk itself
 * (durability `strict`), a write that rejects did not happen: a full disk aborts the whole transaction.
 *
 * @param name of the database; `browserKeyStore` of the same name keeps its keys beside the records
 * @throws DOMException when IndexedDB cannot be opened: private windows of some browsers, a newer version of the app
 * @example
 * // What `openOfflineDevice` does for an app that has no wishes of its own.
 * const [storage, keyStore] = [await indexedDbStorage(), browserKeyStore()]
 * const sdk = new OfflineSDK({
 *   apiUrl, deviceId, storage, keyStore, atRest: keyStore.atRest,
 *   exclusive: webLocks(), channel: broadcastChannel('till'), hints: browserHints,
 * })
 */
export async function indexedDbStorage(name: string = DEFAULT_NAME): Promise<ClosableStorage> {
  const storage = recordsIn(new Database(name))
  // Opened now, so that a browser without a usable IndexedDB is told apart from a device without records.
  await storage.getItem('')
  return storage
}

/** @param seen gets each record as it was last read or written here, for the case that the database is deleted */
export function recordsIn(database: Database, seen?: Map<string, string>): ClosableStorage {
  const write = (work: (records: RecordsWriter) => Promise<unknown>) =>
    database.transaction(['records'], 'readwrite', (transaction) => work(transaction.objectStore('records')))
  return {
    async getItem(key) {
      const found = await database.transaction(['records'], 'readonly', (transaction) =>
        transaction.objectStore('records').get(key),
      )
      if (found === undefined) seen?.delete(key)
      else seen?.set(key, found)
      return found ?? null
    },
    async setItem(key, value) {
      await write((records) => records.put(value, key))
      seen?.set(key, value)
    },
    async removeItem(key) {
      await write((records) => records.delete(key))
      seen?.delete(key)
    },
    keys: () =>
      database.transaction(['records'], 'readonly', (transaction) => transaction.objectStore('records').getAllKeys()),
    close: () => database.close(),
  }
}

/** What is in the store, as it stands: for a copy of records that no key opens any more. */
export function dumpRecords(database: Database): Promise<Record<string, string>> {
  return database.transaction(['records'], 'readonly', async (transaction) => {
    const records = transaction.objectStore('records')
    const [keys, values] = await Promise.all([records.getAllKeys(), records.getAll()])
    return Object.fromEntries(keys.map((key, index) => [key, values[index] ?? '']))
  })
}
