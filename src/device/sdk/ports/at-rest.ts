/**
 * Encrypts what is stored: an AEAD with a key that the storage does not hold. `webCryptoAtRest` is one for a key of
 * WebCrypto, `nobleAtRest` of `@molam/offline/noble` one for 32 bytes; a `browserKeyStore` brings its own.
 *
 * @example
 * const atRest = nobleAtRest(await keyFromKeychain(), randomBytes)
 */
export interface AtRestCipher {
  /** @param aad the record's name: a sealed record that is moved to another name does not open */
  seal(plain: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
  /** @returns undefined when it does not open: another key, another name, or altered */
  open(sealed: Uint8Array, aad: Uint8Array): Promise<Uint8Array | undefined>
}
