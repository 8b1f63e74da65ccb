import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Curve } from './curve.ts'

/** What a key of the simulated WebCrypto holds: bytes of a secret, or a point with or without its scalar. */
export interface Material {
  readonly bytes?: Uint8Array
  readonly point?: Uint8Array
  readonly scalar?: Uint8Array
}

/** A key as libraries look at it: type, algorithm, usages. */
class SimulatedKey {
  readonly type: KeyType
  readonly algorithm: KeyAlgorithm
  readonly extractable: boolean
  readonly usages: KeyUsage[]
  readonly #material: Material
  #cipherKey: KeyObject | undefined

  constructor(
    type: KeyType,
    algorithm: KeyAlgorithm,
    extractable: boolean,
    usages: readonly KeyUsage[],
    material: Material,
  ) {
    this.type = type
    this.algorithm = algorithm
    this.extractable = extractable
    this.usages = [...usages]
    this.#material = material
  }

  static materialOf(key: object): Material {
    if (!(#material in key)) throw new TypeError('not a key of this simulation')
    return key.#material
  }

  /** Made once: of raw bytes Node makes one for each call, which takes longer than the cipher. */
  static cipherKeyOf(key: object): KeyObject {
    const { bytes } = SimulatedKey.materialOf(key)
    if (bytes === undefined || !(#cipherKey in key)) throw new TypeError('a key of another kind')
    key.#cipherKey ??= createSecretKey(bytes)
    return key.#cipherKey
  }
}
// The platform's constructor is nobody's to call, and its keys are what libraries look for.
Object.setPrototypeOf(SimulatedKey.prototype, CryptoKey.prototype)

/** @throws TypeError for what is no key of this simulation */
export const materialOf = (key: CryptoKey): Material => SimulatedKey.materialOf(key)

/** @throws TypeError for what is no secret key of this simulation */
export const cipherKeyOf = (key: CryptoKey): KeyObject => SimulatedKey.cipherKeyOf(key)

export const newKey = (...args: ConstructorParameters<typeof SimulatedKey>): CryptoKey => new SimulatedKey(...args)

type Imported = string | { readonly name: string; readonly hash?: HashAlgorithmIdentifier }

/** @throws DOMException DataError for what is no key */
export function importKey(
  curve: Curve,
  format: 'raw' | 'jwk' | 'pkcs8' | 'spki',
  given: BufferSource | JsonWebKey,
  algorithm: Imported,
  extractable: boolean,
  usages: readonly KeyUsage[],
): CryptoKey {
  const name = typeof algorithm === 'string' ? algorithm : algorithm.name
  if (name !== 'ECDSA' && name !== 'ECDH') {
    if (format !== 'raw' && format !== 'jwk') throw new DOMException(`no ${format} of ${name}`, 'NotSupportedError')
    const bytes = format === 'raw' ? bytesOf(given as BufferSource) : decode((given as JsonWebKey).k)
    const hash = typeof algorithm === 'object' && algorithm.hash !== undefined && { hash: hashOf(algorithm.hash) }
    return newKey('secret', { name, length: bytes.length * 8, ...hash } as KeyAlgorithm, extractable, usages, { bytes })
  }
  const material =
    format === 'jwk' ? ofJwk(curve, given as JsonWebKey) : ofBytes(curve, format, bytesOf(given as BufferSource))
  const type = material.scalar === undefined ? 'public' : 'private'
  return newKey(type, { name, namedCurve: 'P-256' } as KeyAlgorithm, extractable, usages, material)
}

export function exportKey(format: 'raw' | 'jwk', key: CryptoKey): ArrayBuffer | JsonWebKey {
  if (!key.extractable) throw new DOMException('key is not extractable', 'InvalidAccessError')
  const { bytes, point, scalar } = materialOf(key)
  if (format === 'raw') return new Uint8Array(bytes ?? point ?? []).buffer
  if (point === undefined) return { kty: 'oct', k: encode(bytes ?? new Uint8Array()) }
  const pub = { kty: 'EC', crv: 'P-256', x: encode(point.subarray(1, 33)), y: encode(point.subarray(33)), ext: true }
  return scalar === undefined ? pub : { ...pub, d: encode(scalar) }
}

/** @param random 32 bytes */
export function newPrivate(curve: Curve, random: Uint8Array): { scalar: Uint8Array; point: Uint8Array } {
  // Below the group's order, and not zero.
  const scalar = Uint8Array.from(random, (byte, at) => (at === 0 ? (byte & 0x7f) | 1 : byte))
  return { scalar, point: curve.point(scalar) }
}

/** PKCS #8 of P-256 as production writes it has the scalar at this place (RFC 5915). */
const PKCS8_SCALAR_AT = 35

function ofBytes(curve: Curve, format: string, bytes: Uint8Array): Material {
  if (format === 'raw') return { point: onCurve(curve, bytes) }
  if (format !== 'pkcs8') throw new DOMException(`no ${format} of a curve`, 'NotSupportedError')
  const scalar = bytes.slice(PKCS8_SCALAR_AT, PKCS8_SCALAR_AT + 32)
  return { scalar, point: curve.point(scalar) }
}

function ofJwk(curve: Curve, { kty, crv, x, y, d }: JsonWebKey): Material {
  if (kty !== 'EC' || crv !== 'P-256') throw new DOMException('not a key of P-256', 'DataError')
  const point = onCurve(curve, new Uint8Array(Buffer.concat([UNCOMPRESSED, decode(x), decode(y)])))
  return d === undefined ? { point } : { point, scalar: decode(d) }
}

/** SEC1 §2.3.3: what an uncompressed point begins with. */
const UNCOMPRESSED = Uint8Array.of(4)

/** @throws DOMException DataError for what is no point of the curve */
function onCurve(curve: Curve, point: Uint8Array): Uint8Array {
  if (!curve.isPoint(point)) throw new DOMException('not a point of P-256', 'DataError')
  return point
}

const hashOf = (hash: HashAlgorithmIdentifier) => (typeof hash === 'string' ? { name: hash } : hash)
const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const decode = (text = ''): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))

function bytesOf(source: BufferSource): Uint8Array {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice()
    : new Uint8Array(source).slice()
}
