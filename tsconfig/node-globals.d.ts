import type { webcrypto } from 'node:crypto'

/** Names of web types that Node has and `@types/node` does not declare as globals; the core is written with them. */
declare global {
  type BufferSource = webcrypto.BufferSource
  type BodyInit = NonNullable<RequestInit['body']>
  interface CryptoKey extends webcrypto.CryptoKey {}
  interface CryptoKeyPair extends webcrypto.CryptoKeyPair {}
  interface JsonWebKey extends webcrypto.JsonWebKey {}
}
