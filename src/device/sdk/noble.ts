/**
 * The SDK's cryptography in plain JavaScript, for runtimes without WebCrypto: React Native, old WebViews. An entry of its
 * own, so that nobody else carries it.
 *
 * @example
 * const randomBytes = (length: number) => getRandomBytes(length) // expo-crypto
 * const suite = nobleSuite(randomBytes)
 * const atRest = nobleAtRest(await keyFromKeychain(), randomBytes)
 * const crypto = { suite, randomBytes, fileCrypto: nobleFileCrypto }
 * const sdk = new OfflineSDK({ ...crypto, keyStore, storage, atRest, apiUrl, deviceId })
 */
import { gcm } from '@noble/ciphers/aes.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { RandomBytes } from '../../crypto/noble.ts'
import { concatBytes } from '../../protocol/bytes.ts'
import type { AtRestCipher } from './ports/at-rest.ts'
import type { FileCrypto } from './ports/file-crypto.ts'

export { nobleSuite, type RandomBytes } from '../../crypto/noble.ts'

const KEY_BYTES = 32
const IV_BYTES = 12

/**
 * AES-256-GCM over records, each with a fresh random IV of 96 bits in front: one key is good for 2^32 writes.
 *
 * @param key 32 bytes, from a keychain or a secure store: never from the storage that it protects
 * @throws RangeError when the key has another length
 *
 * @example
 * const atRest = nobleAtRest(await keyFromKeychain(), randomBytes)
 */
export function nobleAtRest(key: Uint8Array, randomBytes: RandomBytes): AtRestCipher {
  if (key.length !== KEY_BYTES) throw new RangeError('an at-rest key has 32 bytes')
  const held = key.slice()
  return {
    async seal(plain, aad) {
      const iv = randomBytes(IV_BYTES)
      return concatBytes(iv, gcm(held, iv, aad).encrypt(plain))
    },
    open: async (sealed, aad) => opened(held, sealed.subarray(0, IV_BYTES), sealed.subarray(IV_BYTES), aad),
  }
}

/** Encrypts exports, and opens them. */
export const nobleFileCrypto: FileCrypto = {
  pbkdf2: (passphrase, salt, iterations) => pbkdf2Async(sha256, passphrase, salt, { c: iterations, dkLen: KEY_BYTES }),
  hkdf: async (key, salt, info) => hkdf(sha256, key, salt, info, KEY_BYTES),
  seal: async (key, iv, plain, aad) => gcm(key, iv, aad).encrypt(plain),
  open: async (key, iv, sealed, aad) => opened(key, iv, sealed, aad),
}

function opened(key: Uint8Array, iv: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array | undefined {
  try {
    return gcm(key, iv, aad).decrypt(sealed)
  } catch {
    return undefined
  }
}
