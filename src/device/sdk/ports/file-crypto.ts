/**
 * What an encrypted file needs besides the suite: a key from a passphrase or from another key, and AES-256-GCM with a tag
 * of 16 bytes behind the ciphertext.
 */
export interface FileCrypto {
  /** PBKDF2-HMAC-SHA256. @returns 32 bytes */
  pbkdf2(passphrase: Uint8Array, salt: Uint8Array, iterations: number): Promise<Uint8Array>
  /** HKDF-SHA256. @returns 32 bytes */
  hkdf(key: Uint8Array, salt: Uint8Array, info: Uint8Array): Promise<Uint8Array>
  seal(key: Uint8Array, iv: Uint8Array, plain: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
  /** @returns undefined when it does not open */
  open(key: Uint8Array, iv: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Promise<Uint8Array | undefined>
}

const GCM_TAG_BITS = 128

/** On the runtime's WebCrypto. */
export const webCryptoFileCrypto: FileCrypto = {
  pbkdf2: (passphrase, salt, iterations) =>
    derive('PBKDF2', passphrase, { name: 'PBKDF2', hash: 'SHA-256', salt: salt as BufferSource, iterations }),
  hkdf: (key, salt, info) =>
    derive('HKDF', key, { name: 'HKDF', hash: 'SHA-256', salt: salt as BufferSource, info: info as BufferSource }),

  async seal(key, iv, plain, aad) {
    return new Uint8Array(
      await crypto.subtle.encrypt(gcm(iv, aad), await aesKey(key, 'encrypt'), plain as BufferSource),
    )
  },

  async open(key, iv, sealed, aad) {
    const aes = await aesKey(key, 'decrypt')
    try {
      return new Uint8Array(await crypto.subtle.decrypt(gcm(iv, aad), aes, sealed as BufferSource))
    } catch {
      return undefined
    }
  },
}

async function derive(
  name: 'PBKDF2' | 'HKDF',
  secret: Uint8Array,
  how: Parameters<typeof crypto.subtle.deriveBits>[0],
) {
  const key = await crypto.subtle.importKey('raw', secret as BufferSource, name, false, ['deriveBits'])
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 256))
}

const aesKey = (key: Uint8Array, use: 'encrypt' | 'decrypt') =>
  crypto.subtle.importKey('raw', key as BufferSource, 'AES-GCM', false, [use])

const gcm = (iv: Uint8Array, aad: Uint8Array) => ({
  name: 'AES-GCM',
  iv: iv as BufferSource,
  additionalData: aad as BufferSource,
  tagLength: GCM_TAG_BITS,
})
