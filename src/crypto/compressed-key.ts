import { EDDSA, ES256 } from '../protocol/cose.ts'
import { InvalidKey, type PublicKey } from './suite.ts'

/**
 * Public keys in few bytes: a point of P-256 by its x and the sign of its y (SEC 1 §2.3.3), an Ed25519 key as it is. The y is found
 * again by arithmetic on public data, because no WebCrypto reads compressed points.
 */
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn

/** @returns undefined for RSA, whose keys have no short form */
export function compressKey({ alg, bytes }: PublicKey): Uint8Array | undefined {
  if (alg === EDDSA) return bytes
  if (alg !== ES256) return undefined
  return Uint8Array.of(2 + ((bytes[64] ?? 0) & 1), ...bytes.subarray(1, 33))
}

/**
 * The point is on the curve, because y was made from x.
 *
 * @throws InvalidKey when no point has this x, or the length is none of a key's
 */
export function expandKey(key: Uint8Array): PublicKey {
  if (key.length === 32) return { alg: EDDSA, bytes: key }
  const [sign, ...xBytes] = key
  if (key.length !== 33 || (sign !== 2 && sign !== 3)) throw new InvalidKey('not a compressed P-256 point')
  const x = toNumber(xBytes)
  if (x >= P) throw new InvalidKey('not a coordinate')
  const square = (((x * x) % P) * x - 3n * x + B + 3n * P) % P
  // P is 3 modulo 4, so this is a root where there is a root.
  const root = power(square, (P + 1n) / 4n)
  if ((root * root) % P !== square) throw new InvalidKey('not a P-256 point')
  const isOdd = root % 2n === 1n
  const y = isOdd === (sign === 3) ? root : P - root
  return { alg: ES256, bytes: Uint8Array.of(4, ...xBytes, ...toBytes(y)) }
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (const bit of exponent.toString(2)) {
    result = (result * result) % P
    if (bit === '1') result = (result * base) % P
  }
  return result
}

const toNumber = (bytes: readonly number[]): bigint =>
  BigInt(`0x${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`)

const toBytes = (number: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((number >> BigInt(8 * (31 - i))) & 0xffn))
