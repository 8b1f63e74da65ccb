import type { PublicKey, Signer } from '../../crypto/suite.ts'
import { keyId } from '../../crypto/thumbprint.ts'
import { es256Signer, webCryptoSuite } from '../../crypto/webcrypto.ts'
import { toHex } from '../../protocol/bytes.ts'
import { ES256 } from '../../protocol/cose.ts'
import { OfflineError } from '../sdk/errors.ts'
import type { AtRestCipher } from '../sdk/ports/at-rest.ts'
import type { KeyStore } from '../sdk/ports/key-store.ts'
import { webCryptoAtRest } from '../sdk/ports/web-crypto-at-rest.ts'
import { Database, type DeviceKeys, type EnrolledDevice } from './database.ts'
import { DEFAULT_NAME } from './storage.ts'

/** Keys that the page can use and nobody can read, and what they were enrolled as. */
export interface BrowserKeyStore extends KeyStore {
  /**
   * The device's public key; made, with its private key, when there is none yet. Two tabs at once get the same one.
   *
   * @throws OfflineError `key_missing` when there was one: this browser is enrolled, or holds records that were sealed
   * with it. `forgetDevice` clears the way for a new key.
   */
  create(): Promise<PublicKey>
  /** @returns undefined while there is none */
  publicKey(): Promise<PublicKey | undefined>
  /** Seals with an AES key that was made with the signing key, and is lost only with it. */
  readonly atRest: AtRestCipher
  /** Who this browser is enrolled as. */
  enrolled(): Promise<EnrolledDevice | undefined>
  /**
   * Remembers who this browser is, once the edge said so.
   *
   * @throws OfflineError `key_missing`, `key_mismatch`: the key is not the one that was enrolled, or the browser is
   * another device already
   */
  rememberEnrolled(device: EnrolledDevice): Promise<void>
  close(): void
}

/**
 * The keys of a device in IndexedDB: a P-256 pair and an AES-256 key, none of which can be exported. They are made once,
 * stored before the public key is told to anybody, and never replaced.
 *
 * @param name of the database, as for `indexedDbStorage`
 * @example
 * const keyStore = browserKeyStore()
 * await enrolDevice({ apiUrl, deviceId: 'POS-001', code: '7H2K-9QXA-0M4V-ZR3D', keyStore })
 */
export function browserKeyStore(name: string = DEFAULT_NAME): BrowserKeyStore {
  return keysIn(new Database(name))
}

/** @param seen gets the keys as they were last read, for the case that the database is deleted */
export function keysIn(database: Database, seen: { keys?: DeviceKeys } = {}): BrowserKeyStore {
  const read = async () => {
    const keys = await database.transaction(['keys'], 'readonly', async (transaction) =>
      usable(await transaction.objectStore('keys').get('device')),
    )
    if (keys) seen.keys = keys
    return keys
  }
  const enrolled = () =>
    database.transaction(['facts'], 'readonly', (transaction) => readEnrolled(transaction.objectStore('facts')))

  return {
    async load() {
      let keys: DeviceKeys | undefined
      try {
        keys = await read()
      } catch {
        // Where browsers wrap keys with one of the system, it may not be at hand; it is no reason to give the key up.
        return { status: 'locked' }
      }
      if (keys === undefined) return { status: 'missing' }
      return { status: 'ready', signer: await signerOf(keys) }
    },

    async create() {
      const keys = (await read()) ?? (await keep(database, await generate()))
      return publicKeyOf(keys)
    },

    async publicKey() {
      const keys = await read()
      return keys && publicKeyOf(keys)
    },

    atRest: webCryptoAtRest(async () => (await read())?.atRest),
    enrolled,

    async rememberEnrolled(device) {
      const keys = await read()
      if (keys === undefined) throw new OfflineError('key_missing')
      const kid = toHex(await keyId(webCryptoSuite, await publicKeyOf(keys)))
      await database.transaction(['facts'], 'readwrite', async (transaction) => {
        const facts = transaction.objectStore('facts')
        const known = await readEnrolled(facts)
        const other = known !== undefined && known.deviceId !== device.deviceId
        if (kid !== device.kid || other) throw new OfflineError('key_mismatch', { detail: known?.deviceId ?? kid })
        await facts.put(device, 'enrolled')
      })
    },

    close: () => database.close(),
  }
}

async function generate(): Promise<DeviceKeys> {
  const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' } as const
  const [signing, atRest] = await Promise.all([
    crypto.subtle.generateKey(ecdsa, false, ['sign', 'verify']) as Promise<CryptoKeyPair>,
    crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']) as Promise<CryptoKey>,
  ])
  return { signing, atRest }
}

/** One transaction decides which of two tabs made the keys, and that nothing depends on keys that were there before. */
function keep(database: Database, made: DeviceKeys): Promise<DeviceKeys> {
  return database.transaction(['keys', 'facts', 'records'], 'readwrite', async (transaction) => {
    const keys = transaction.objectStore('keys')
    const first = await keys.get('device')
    if (usable(first)) return first as DeviceKeys
    const enrolled = await transaction.objectStore('facts').get('enrolled')
    const records = await transaction.objectStore('records').count()
    if (first !== undefined || enrolled !== undefined || records > 0) throw new OfflineError('key_missing')
    await keys.add(made, 'device')
    return made
  })
}

/** A profile that was copied to another machine may hold the record without the keys in it. */
function usable(keys: DeviceKeys | undefined): DeviceKeys | undefined {
  const whole = keys?.signing?.privateKey instanceof CryptoKey && keys.atRest instanceof CryptoKey
  return whole ? keys : undefined
}

async function readEnrolled(facts: { get(key: 'enrolled'): Promise<unknown> }): Promise<EnrolledDevice | undefined> {
  return (await facts.get('enrolled')) as EnrolledDevice | undefined
}

export async function signerOf(keys: DeviceKeys): Promise<Signer> {
  const { bytes } = await publicKeyOf(keys)
  return es256Signer(keys.signing.privateKey, bytes)
}

async function publicKeyOf({ signing }: DeviceKeys): Promise<PublicKey> {
  const point = await crypto.subtle.exportKey('raw', signing.publicKey)
  return { alg: ES256, bytes: new Uint8Array(point as ArrayBuffer) }
}
