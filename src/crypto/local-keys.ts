import * as z from 'zod'
import { fromBase64url, toBase64url, utf8 } from '../protocol/bytes.ts'
import { ES256 } from '../protocol/cose.ts'
import { KEY_STATES, KEY_USES, type KeySet } from '../protocol/keyset.ts'
import { type KeyProvider, KeysUnavailable } from './key-provider.ts'
import type { RecipientKey, Signer } from './suite.ts'
import { keyId } from './thumbprint.ts'
import { es256Signer, importRecipient, jwkPoint, webCryptoSuite } from './webcrypto.ts'

/**
 * `KeyProvider` "local": private keys wrapped by AES-256-GCM with a secret of the runtime (a Worker secret, or the
 * reconciler's environment). Unwrapped once per isolate into keys that cannot be exported.
 */
const wrappedKey = z.strictObject({
  use: z.enum(KEY_USES),
  state: z.enum(KEY_STATES),
  /** Version of the list in which the key first stood: devices that have it, or a later one, know the key. */
  since: z.int().positive(),
  /** SEC1 uncompressed, base64url. */
  public_key: z.string(),
  /** JWK, encrypted; base64url of 12 bytes IV and the ciphertext. Absent where only the public part is needed. */
  wrapped: z.string().optional(),
})
const wrappedKeys = z
  .strictObject({ version: z.int().positive(), keys: z.array(wrappedKey).min(2).max(32) })
  .refine(({ version, keys }) => keys.every(({ since }) => since <= version), 'a key from a later version')
export type WrappedKeys = z.infer<typeof wrappedKeys>
type WrappedKey = z.infer<typeof wrappedKey>

const IV_BYTES = 12

/** The additional data binds a wrapped key to its use and public key, so entries cannot be swapped. */
const wrapAad = (key: Pick<WrappedKey, 'use' | 'public_key'>) => utf8(`molam-key-v1|${key.use}|${key.public_key}`)
const gcm = (iv: Uint8Array, key: Pick<WrappedKey, 'use' | 'public_key'>) =>
  ({ name: 'AES-GCM', iv: iv as BufferSource, additionalData: wrapAad(key) as BufferSource, tagLength: 128 }) as const

async function importWrappingSecret(secret: string): Promise<CryptoKey> {
  const bytes = fromBase64url(secret)
  if (bytes.length !== 32) throw new RangeError('KEY_WRAPPING_SECRET is 32 bytes as base64url')
  return crypto.subtle.importKey('raw', bytes as BufferSource, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

/**
 * Makes and wraps a key pair.
 *
 * @param since version of the list that it is added to
 * @returns the entry for `EDGE_KEYS`
 */
export async function newWrappedKey(use: WrappedKey['use'], wrappingSecret: string, since = 1): Promise<WrappedKey> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const pair = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const { kty, crv, x, y, d } = (await crypto.subtle.exportKey('jwk', pair.privateKey)) as JsonWebKey
  const entry = { use, state: 'active' as const, since, public_key: toBase64url(jwkPoint({ x, y } as JsonWebKey)) }
  return wrapKey(entry, { kty, crv, x, y, d } as JsonWebKey, await importWrappingSecret(wrappingSecret))
}

/**
 * The list for another holder, who opens bundles and signs nothing: private parts of `seal` keys under that holder's own
 * secret, and of `receipt` keys the public part alone.
 *
 * @param edgeKeys JSON of `WrappedKeys`
 * @param from the secret that they are wrapped with
 * @param to 32 bytes, base64url; the other holder's
 * @returns `EDGE_KEYS` for the other holder
 * @throws KeysUnavailable when a key does not unwrap
 */
export async function edgeKeysForReader(edgeKeys: string, from: string, to: string): Promise<string> {
  const { version, keys } = wrappedKeys.parse(JSON.parse(edgeKeys))
  const [own, other] = await Promise.all([importWrappingSecret(from), importWrappingSecret(to)])
  const listed = keys.map(async (key) => {
    const { wrapped, ...entry } = key
    if (entry.use !== 'seal' || wrapped === undefined) return entry
    return wrapKey(entry, await unwrapKey(key, own), other)
  })
  return JSON.stringify({ version, keys: await Promise.all(listed) })
}

async function wrapKey(entry: Omit<WrappedKey, 'wrapped'>, jwk: JsonWebKey, key: CryptoKey): Promise<WrappedKey> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const plain = utf8(JSON.stringify(jwk)) as BufferSource
  const sealed = new Uint8Array(await crypto.subtle.encrypt(gcm(iv, entry), key, plain))
  return { ...entry, wrapped: toBase64url(new Uint8Array([...iv, ...sealed])) }
}

/** @throws KeysUnavailable */
async function unwrapKey(entry: WrappedKey, key: CryptoKey): Promise<JsonWebKey> {
  const wrapped = fromBase64url(entry.wrapped ?? '')
  try {
    const iv = wrapped.slice(0, IV_BYTES)
    const plain = await crypto.subtle.decrypt(gcm(iv, entry), key, wrapped.slice(IV_BYTES) as BufferSource)
    return JSON.parse(new TextDecoder().decode(plain)) as JsonWebKey
  } catch {
    throw new KeysUnavailable(`the ${entry.use} key does not unwrap`)
  }
}

/**
 * @param edgeKeys JSON of `WrappedKeys`
 * @param wrappingSecret 32 bytes, base64url
 * @throws KeysUnavailable when either does not parse; the message names the fault, never a value
 */
export async function localKeys(edgeKeys: string, wrappingSecret: string): Promise<KeyProvider> {
  let parsed: WrappedKeys
  let wrappingKey: CryptoKey
  try {
    parsed = wrappedKeys.parse(JSON.parse(edgeKeys))
    wrappingKey = await importWrappingSecret(wrappingSecret)
  } catch (error) {
    throw new KeysUnavailable(`EDGE_KEYS or KEY_WRAPPING_SECRET: ${error instanceof Error ? error.name : 'invalid'}`)
  }
  const entries = await Promise.all(
    parsed.keys.map(async (entry) => {
      const publicKey = fromBase64url(entry.public_key)
      return { entry, publicKey, kid: await keyId(webCryptoSuite, { alg: ES256, bytes: publicKey }) }
    }),
  )
  const keySet: KeySet = {
    version: parsed.version,
    keys: entries.map(({ entry, publicKey, kid }) => ({ kid, use: entry.use, state: entry.state, publicKey })),
  }

  const recipients = new Map<string, Promise<RecipientKey>>()
  const signers = new Map<string, Promise<{ kid: Uint8Array; signer: Signer }>>()
  const receiptKeys = entries.filter(({ entry }) => entry.use === 'receipt' && entry.state !== 'retired')
  /** The one that signs, for a device that knows it; else the newest that the device knows. */
  const signingKey = (keysVersion: number) => {
    const active = receiptKeys.find(({ entry }) => entry.state === 'active')
    const known = receiptKeys.filter(({ entry }) => entry.since <= keysVersion && entry.wrapped !== undefined)
    if (active === undefined || known.includes(active)) return active
    return known.sort((a, b) => b.entry.since - a.entry.since)[0] ?? active
  }

  return {
    keySet: async () => keySet,

    async recipient(kid) {
      const id = toBase64url(kid)
      const found = entries.find(
        (e) => e.entry.use === 'seal' && e.entry.state !== 'retired' && toBase64url(e.kid) === id,
      )
      if (found === undefined) return undefined
      let known = recipients.get(id)
      if (known === undefined) {
        known = unwrapKey(found.entry, wrappingKey).then(async (jwk) => ({ suiteKey: await importRecipient(jwk) }))
        recipients.set(id, known)
        // What failed once may pass: it is tried again by whoever needs the key next.
        known.catch(() => recipients.delete(id))
      }
      return known
    },

    async receiptSigner(keysVersion = parsed.version) {
      const found = signingKey(keysVersion)
      if (found === undefined) throw new KeysUnavailable('no active receipt key')
      const id = toBase64url(found.kid)
      let known = signers.get(id)
      if (known === undefined) {
        known = unwrapKey(found.entry, wrappingKey).then(async (jwk) => {
          const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
          return { kid: found.kid, signer: es256Signer(key, found.publicKey) }
        })
        signers.set(id, known)
        known.catch(() => signers.delete(id))
      }
      return known
    },
  }
}
