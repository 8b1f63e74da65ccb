import { deleteDB } from 'idb'
import { OfflineError } from '../sdk/errors.ts'
import { exclusively } from '../sdk/ports/contexts.ts'
import type { OfflineSDK } from '../sdk/sdk.ts'
import { webLocks } from './contexts.ts'
import { Database } from './database.ts'
import { keysIn } from './key-store.ts'
import { openOfflineDevice } from './open.ts'
import { DEFAULT_NAME, dumpRecords } from './storage.ts'

/** Milliseconds that other windows have to close their connections. */
const DELETE_WAIT_MS = 10_000

export interface ForgetOptions {
  /** Name of the database. */
  readonly name?: string
  /** Given when a person has decided to go on although payments were never sent: they are handed over as a file first. */
  readonly unsynced?: {
    /** Encrypts the file, as for `exportUnsynced`. */
    readonly passphrase: string
    /** Resolves once the file is safe; when it rejects, nothing is forgotten. */
    readonly keep: (file: Uint8Array) => Promise<void>
  }
}

/**
 * - `unsynced`: the number of payments that only this browser knows, or `unknown`: there are records, and they cannot be
 *   read because the key is gone or locked, or the device's state is lost. The file then has the records as they stand
 */
export type ForgetResult =
  | { readonly forgotten: true }
  | { readonly forgotten: false; readonly unsynced: number | 'unknown' }

/**
 * Deletes the device from this browser: records, keys, and who it is. The edge is not told: the device goes on existing
 * there, and can be enrolled again, here or elsewhere, with a new code.
 *
 * Refuses while there are payments that were never acknowledged, unless they are handed over as a file. Tabs that have
 * the device open take no payment while this runs, and none afterwards.
 *
 * @throws what `keep` throws; then nothing is forgotten
 * @throws OfflineError `device_busy` when another window does not let go
 * @example
 * const { forgotten } = await forgetDevice()
 * if (!forgotten) await forgetDevice({ unsynced: { passphrase, keep: async (file) => download(file) } })
 */
export async function forgetDevice({ name = DEFAULT_NAME, unsynced }: ForgetOptions = {}): Promise<ForgetResult> {
  const exclusive = webLocks()
  const database = new Database(name)
  try {
    const known = await keysIn(database).enrolled()
    const forget = () => forgetUnderLock(name, database, known, unsynced)
    if (known === undefined) return await forget()
    const lock = `molam/${known.deviceId}`
    // In the order in which a sync takes them.
    return await exclusively(exclusive, `${lock}/sync`, () => exclusively(exclusive, `${lock}/journal`, forget))
  } finally {
    database.close()
  }
}

async function forgetUnderLock(
  name: string,
  database: Database,
  known: { readonly deviceId: string; readonly apiUrl: string } | undefined,
  handOver: ForgetOptions['unsynced'],
): Promise<ForgetResult> {
  const records = await dumpRecords(database)
  if (Object.keys(records).length > 0) {
    // The key may come back, and then everything can be read.
    if ((await keysIn(database).load()).status === 'locked') return { forgotten: false, unsynced: 'unknown' }
    const sdk = await readOnly(name, known ?? unnamed(records))
    try {
      const { unsynced } = await sdk.initialize()
      if (unsynced !== 0) {
        if (handOver === undefined) return { forgotten: false, unsynced }
        await handOver.keep(await sdk.exportUnsynced(handOver.passphrase))
      }
    } finally {
      await sdk.destroy()
    }
  }
  database.close()
  await deleteWithin(name)
  return { forgotten: true }
}

/**
 * A frozen window keeps its connection, and with it the database. It takes no payment more: the first thing it hears when it
 * goes on is that its database is to be deleted.
 *
 * @throws OfflineError `device_busy`: it is deleted once that window is closed
 */
async function deleteWithin(name: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const held = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OfflineError('device_busy')), DELETE_WAIT_MS)
  })
  try {
    await Promise.race([deleteDB(name), held])
  } finally {
    clearTimeout(timer)
  }
}

/** Records of a device that was never enrolled by `enrolDevice` still name it. */
const unnamed = (records: Readonly<Record<string, string>>) => ({
  deviceId: Object.keys(records)[0]?.split('/')[1] ?? '',
  apiUrl: 'https://unknown.invalid',
})

/** The device for a look at it: the locks are held already, and nothing is sent. */
function readOnly(name: string, known: { readonly deviceId: string; readonly apiUrl: string }): Promise<OfflineSDK> {
  return openOfflineDevice({
    ...known,
    name,
    autoSync: false,
    exclusive: (_, run) => run(),
    fetch: () => Promise.reject(new Error('nothing is sent')),
  })
}
