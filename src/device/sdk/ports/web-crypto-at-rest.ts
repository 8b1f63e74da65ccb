import { concatBytes } from '../../../protocol/bytes.ts'
import { OfflineError } from '../errors.ts'
import type { AtRestCipher } from './at-rest.ts'

/** NIST SP 800-38D §8.2.2: a random IV of 96 bits is good for 2^32 records. */
const IV_BYTES = 12

/**
 * AES-256-GCM with a key of WebCrypto, which need not be extractable: IV, ciphertext, tag of 16 bytes.
 *
 * @param load finds the key; until it has found one, nothing is sealed and nothing opens
 * @example
 * const atRest = webCryptoAtRest(async () => keyFromMyStore())
 */
export function webCryptoAtRest(load: () => Promise<CryptoKey | undefined>): AtRestCipher {
  let found: CryptoKey | undefined
  const key = async () => {
    found ??= await load()
    return found
  }
  const algorithm = (iv: Uint8Array, aad: Uint8Array) =>
    ({ name: 'AES-GCM', iv: iv as BufferSource, additionalData: aad as BufferSource, tagLength: 128 }) as const

  return {
    async seal(plain, aad) {
      const sealing = await key()
      if (sealing === undefined) throw new OfflineError('key_missing')
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      const sealed = await crypto.subtle.encrypt(algorithm(iv, aad), sealing, plain as BufferSource)
      return concatBytes(iv, new Uint8Array(sealed))
    },

    async open(sealed, aad) {
      const opening = await key()
      if (opening === undefined) return undefined
      try {
        const [iv, rest] = [sealed.slice(0, IV_BYTES), sealed.slice(IV_BYTES)]
        return new Uint8Array(await crypto.subtle.decrypt(algorithm(iv, aad), opening, rest as BufferSource))
      } catch {
        return undefined
      }
    },
  }
}
