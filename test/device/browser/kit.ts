import { openDB } from 'idb'
import { keyId } from '../../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { browserKeyStore } from '../../../src/device/browser/index.ts'
import { toHex } from '../../../src/protocol/bytes.ts'

/** A database that no other test has. */
export const freshName = () => `test-${crypto.randomUUID()}`

/**
 * From now on every write of IndexedDB is accepted and then aborted with its transaction, which is what a full disk does:
 * the request has succeeded, the transaction has not.
 */
export function fillDisk(method: 'put' | 'add' = 'put'): { restore(): void } {
  const write = IDBObjectStore.prototype[method]
  IDBObjectStore.prototype[method] = function (this: IDBObjectStore, ...args: Parameters<typeof write>) {
    const request = write.apply(this, args)
    request.addEventListener('success', () => this.transaction.abort())
    return request
  }
  return {
    restore() {
      IDBObjectStore.prototype[method] = write
    },
  }
}

/** Id of the key in a database, as the edge names it. */
export async function kidOf(name: string): Promise<string> {
  const key = await browserKeyStore(name).publicKey()
  if (key === undefined) throw new Error('no key')
  return toHex(await keyId(webCryptoSuite, key))
}

export async function storedKeys(name: string): Promise<{ signing: CryptoKeyPair; atRest: CryptoKey }> {
  const database = await openDB(name)
  const keys = await database.get('keys', 'device')
  database.close()
  return keys
}

/** What a browser does that copies or repairs a profile: something else stands in the store, or nothing. */
export async function replaceKeys(name: string, keys: unknown): Promise<void> {
  const database = await openDB(name)
  await (keys === undefined ? database.delete('keys', 'device') : database.put('keys', keys, 'device'))
  database.close()
}

/** The connections that were opened meanwhile. */
export async function connectionsOf(run: () => Promise<unknown>): Promise<readonly IDBDatabase[]> {
  const connections: IDBDatabase[] = []
  const { open } = IDBFactory.prototype
  IDBFactory.prototype.open = function (...args) {
    const request = open.apply(this, args)
    request.addEventListener('success', () => connections.push(request.result))
    return request
  }
  try {
    await run()
  } finally {
    IDBFactory.prototype.open = open
  }
  return connections
}

/** Whether a connection takes no transaction any more. */
export function isClosed(connection: IDBDatabase): boolean {
  try {
    connection.transaction('records').abort()
    return false
  } catch {
    return true
  }
}
