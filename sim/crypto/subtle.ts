import { createCipheriv, createDecipheriv, hash, hkdfSync, pbkdf2Sync } from 'node:crypto'
import type { Curve, PrivateKey } from './curve.ts'
import { hmac } from './hmac.ts'
import { cipherKeyOf, exportKey, importKey, materialOf, newKey, newPrivate } from './keys.ts'

type Algorithm = string | { readonly name: string }
type Bytes = BufferSource
type ImportKey = Parameters<typeof importKey> extends [unknown, ...infer Rest] ? Rest : never

/** Bytes of the tag that AES-GCM appends. */
const TAG_BYTES = 16

/**
 * WebCrypto that finishes at once. The platform's own computes beside the thread and so answers in any order; this one
 * answers in the order in which it was asked, with the synchronous functions of Node. It has what this project uses.
 *
 * @param randomBytes where new keys come from
 */
export function simulatedSubtle(curve: Curve, randomBytes: (length: number) => Uint8Array): typeof crypto.subtle {
  const subtle = {
    digest: async (algorithm: Algorithm, data: Bytes) => buffer(hash(hashName(algorithm), view(data), 'buffer')),
    importKey: async (...args: ImportKey) => importKey(curve, ...args),
    exportKey: async (...args: Parameters<typeof exportKey>) => exportKey(...args),

    async generateKey(algorithm: Algorithm, extractable: boolean, usages: readonly KeyUsage[]) {
      const name = nameOf(algorithm)
      if (name === 'AES-GCM' || name === 'HMAC') {
        return importKey(curve, 'raw', randomBytes(32) as BufferSource, algorithm, extractable, usages)
      }
      const { scalar, point } = newPrivate(curve, randomBytes(32))
      const facts = { name, namedCurve: 'P-256' } as KeyAlgorithm
      const isPublic = (usage: KeyUsage) => usage === 'verify'
      const others = usages.filter((usage) => !isPublic(usage))
      return {
        privateKey: newKey('private', facts, extractable, others, { scalar, point }),
        publicKey: newKey('public', facts, true, usages.filter(isPublic), { point }),
      }
    },

    async sign(_algorithm: Algorithm, key: CryptoKey, data: Bytes) {
      return key.algorithm.name === 'HMAC' ? buffer(mac(key, data)) : buffer(curve.sign(privateOf(key), view(data)))
    },

    async verify(_algorithm: Algorithm, key: CryptoKey, signature: Bytes, data: Bytes) {
      const given = view(signature)
      if (key.algorithm.name !== 'HMAC') return curve.verify(pointOf(key), given, view(data))
      return mac(key, data).equals(given)
    },

    async encrypt(algorithm: Algorithm, key: CryptoKey, data: Bytes) {
      const { iv, additionalData } = algorithm as AesGcmParams
      const cipher = createCipheriv('aes-256-gcm', cipherKeyOf(key), view(iv))
      if (additionalData !== undefined) cipher.setAAD(view(additionalData))
      return buffer(Buffer.concat([cipher.update(view(data)), cipher.final(), cipher.getAuthTag()]))
    },

    async decrypt(algorithm: Algorithm, key: CryptoKey, data: Bytes) {
      const { iv, additionalData } = algorithm as AesGcmParams
      const sealed = view(data)
      const decipher = createDecipheriv('aes-256-gcm', cipherKeyOf(key), view(iv))
      if (additionalData !== undefined) decipher.setAAD(view(additionalData))
      try {
        decipher.setAuthTag(sealed.subarray(Math.max(0, sealed.length - TAG_BYTES)))
        return buffer(Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]))
      } catch {
        throw new DOMException('does not open', 'OperationError')
      }
    },

    async deriveBits(algorithm: Algorithm, key: CryptoKey, bits: number) {
      switch (nameOf(algorithm)) {
        case 'ECDH':
          return buffer(curve.shared(privateOf(key), pointOf((algorithm as EcdhKeyDeriveParams).public)))
        case 'HKDF': {
          const { hash: digest, salt, info } = algorithm as HkdfParams
          return hkdfSync(hashName(digest), secretOf(key), view(salt), view(info), bits / 8)
        }
        case 'PBKDF2': {
          const { hash: digest, salt, iterations } = algorithm as Pbkdf2Params
          return buffer(pbkdf2Sync(secretOf(key), view(salt), iterations, bits / 8, hashName(digest)))
        }
        default:
          throw new DOMException(`no derivation by ${nameOf(algorithm)}`, 'NotSupportedError')
      }
    },
  }
  return subtle as unknown as typeof crypto.subtle
}

function mac(key: CryptoKey, data: Bytes): Buffer {
  const { hash: digest } = key.algorithm as HmacKeyAlgorithm
  return hmac(hashName(digest), secretOf(key), view(data))
}

/** @throws TypeError when the key is of another kind, as with the platform's */
const secretOf = (key: CryptoKey): Uint8Array => required(materialOf(key).bytes)
const pointOf = (key: CryptoKey): Uint8Array => required(materialOf(key).point)

function privateOf(key: CryptoKey): PrivateKey {
  const { scalar, point } = materialOf(key)
  return { scalar: required(scalar), point: required(point) }
}

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new TypeError('a key of another kind')
  return part
}

const nameOf = (algorithm: Algorithm): string => (typeof algorithm === 'string' ? algorithm : algorithm.name)
/** As Node names it. */
const hashName = (algorithm: Algorithm): string => HASHES[nameOf(algorithm)] ?? nameOf(algorithm)
const HASHES: Readonly<Record<string, string>> = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' }

function view(bytes: BufferSource): Buffer {
  return ArrayBuffer.isView(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : Buffer.from(bytes as ArrayBuffer)
}

/** A copy that nobody else holds. */
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
