import type { CryptoSuite, Signer } from '../../../crypto/suite.ts'

/**
 * Where the device's private key lives: a secure enclave, a non-extractable WebCrypto key, a keychain. The SDK asks for
 * it each time it signs and never makes a new one by itself: a device without its key must be enrolled again.
 */
export interface KeyStore {
  load(): Promise<KeyStatus>
}

export type KeyStatus =
  | { readonly status: 'ready'; readonly signer: Signer }
  /** There is no key: never enrolled, or the store was cleared. */
  | { readonly status: 'missing' }
  /** The key is there and cannot be used now: the phone is locked, the person did not confirm. */
  | { readonly status: 'locked' }

/**
 * A key store around a private key that the program holds: for tests, simulated devices, and stores that can only keep
 * bytes.
 *
 * @param privateKey P-256 scalar, 32 bytes, big-endian
 */
export function scalarKeyStore(suite: Pick<CryptoSuite, 'es256Signer'>, privateKey: Uint8Array): KeyStore {
  const signer = suite.es256Signer(privateKey)
  return { load: async () => ({ status: 'ready', signer: await signer }) }
}

/** The default of a device that was given no key store. */
export const emptyKeyStore: KeyStore = { load: async () => ({ status: 'missing' }) }
