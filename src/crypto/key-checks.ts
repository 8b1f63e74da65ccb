import { InvalidKey } from './suite.ts'

/** Checks of public keys that WebCrypto does not make when it imports them. */

const RSA_BYTES_MIN = 256
/** Larger ones cost the verifier, not the attacker. */
const RSA_BYTES_MAX = 512

/** @throws InvalidKey unless it is a modulus of 2048–4096 bits in its shortest form */
export function checkModulus(modulus: Uint8Array): void {
  const shortest = modulus.length >= RSA_BYTES_MIN && modulus.length <= RSA_BYTES_MAX && (modulus[0] ?? 0) >= 0x80
  if (!shortest) throw new InvalidKey('an RSA key has 2048 to 4096 bits, a multiple of 8')
  // An even modulus is no product of two odd primes; WebCrypto takes it.
  if (((modulus.at(-1) ?? 0) & 1) === 0) throw new InvalidKey('an even RSA modulus')
}

/** The field of Curve25519, 2^255 - 19, and the y of its points of order 8 (RFC 7748, RFC 8032 §5.1). */
const P = 2n ** 255n - 19n
const Y8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
const LOW_ORDER_Y = new Set([0n, 1n, P - 1n, Y8, P - Y8])

/**
 * With a key of low order one signature holds for every message; with a y that is not reduced one point has two keys.
 *
 * @throws InvalidKey
 */
export function checkEd25519(key: Uint8Array): void {
  if (key.length !== 32) throw new InvalidKey('an Ed25519 key has 32 bytes')
  let y = 0n
  for (const byte of Uint8Array.from(key).reverse()) y = (y << 8n) | BigInt(byte)
  y &= 2n ** 255n - 1n
  if (y >= P || LOW_ORDER_Y.has(y)) throw new InvalidKey('an Ed25519 key of low order, or not reduced')
}
