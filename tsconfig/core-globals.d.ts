/**
 * All that the core (protocol, crypto, risk, the device SDK) takes of whatever runs it, as far as the core uses it. Browsers,
 * Workers and Node have all of this; a runtime without WebCrypto runs `@molam/offline/noble`. What is not declared here is not
 * there: the core must not lean on one runtime's own. Whether this agrees with the real ones, their own configs check: the
 * same files are compiled there against the runtime's types.
 */

// Text, bytes and addresses.
type BufferSource = ArrayBufferView<ArrayBuffer> | ArrayBuffer
declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>
}
declare class TextDecoder {
  constructor(label?: 'utf-8', options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean })
  decode(bytes?: Uint8Array | ArrayBuffer, options?: { readonly stream?: boolean }): string
}
declare function atob(base64: string): string
declare class URL {
  constructor(url: string)
  static parse(url: string): URL | null
  readonly origin: string
  readonly protocol: string
  readonly hostname: string
  readonly pathname: string
  readonly search: string
  readonly hash: string
  readonly username: string
  readonly password: string
  readonly href: string
}

// WebCrypto (https://www.w3.org/TR/webcrypto-2/).
interface CryptoKey {
  readonly type: 'private' | 'public' | 'secret'
  readonly extractable: boolean
  readonly algorithm: { readonly name: string }
  readonly usages: KeyUsage[]
}
interface CryptoKeyPair {
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}
interface JsonWebKey {
  kty?: string
  crv?: string
  x?: string
  y?: string
  n?: string
  e?: string
  d?: string
  key_ops?: string[]
}
type KeyUsage = 'decrypt' | 'deriveBits' | 'deriveKey' | 'encrypt' | 'sign' | 'unwrapKey' | 'verify' | 'wrapKey'
type Algorithm = string | { readonly name: string; readonly [parameter: string]: unknown }
interface SubtleCrypto {
  digest(algorithm: 'SHA-256', data: BufferSource): Promise<ArrayBuffer>
  encrypt(algorithm: Algorithm, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>
  decrypt(algorithm: Algorithm, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>
  sign(algorithm: Algorithm, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>
  verify(algorithm: Algorithm, key: CryptoKey, signature: BufferSource, data: BufferSource): Promise<boolean>
  deriveBits(algorithm: Algorithm, key: CryptoKey, length: number): Promise<ArrayBuffer>
  generateKey(algorithm: Algorithm, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey | CryptoKeyPair>
  importKey(
    format: 'jwk',
    key: JsonWebKey,
    algorithm: Algorithm,
    extractable: boolean,
    usages: KeyUsage[],
  ): Promise<CryptoKey>
  importKey(
    format: 'raw' | 'pkcs8' | 'spki',
    key: BufferSource,
    algorithm: Algorithm,
    extractable: boolean,
    usages: KeyUsage[],
  ): Promise<CryptoKey>
  exportKey(format: 'jwk', key: CryptoKey): Promise<JsonWebKey>
}
declare const crypto: {
  readonly subtle: SubtleCrypto
  getRandomValues<T extends Uint8Array>(bytes: T): T
}

// Fetch, for who is handed one: the core calls none by its global name.
declare class AbortController {
  readonly signal: AbortSignal
  abort(): void
}
interface AbortSignal {
  readonly aborted: boolean
}
interface RequestInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly redirect?: 'manual'
  readonly signal?: AbortSignal
}
interface Response {
  readonly status: number
  readonly ok: boolean
  readonly headers: { get(name: string): string | null }
  readonly body: {
    getReader(): {
      read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
      cancel(): Promise<void>
    }
    cancel(): Promise<void>
  } | null
}
