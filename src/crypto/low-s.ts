import { toHex } from '../protocol/bytes.ts'

/**
 * ECDSA signatures come in pairs: (r, s) and (r, n-s) both verify. Only the lower s is taken, so that a signature
 * cannot be altered into another valid one (malleability).
 */

/** Order of P-256 (FIPS 186-5, SEC 2 §2.4.2). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const HALF_N = N >> 1n

/** @param signature raw r‖s, 64 bytes */
export function isLowS(signature: Uint8Array): boolean {
  return toBigInt(signature.subarray(32)) <= HALF_N
}

/** @returns the same signature with the lower s */
export function normaliseS(signature: Uint8Array): Uint8Array {
  if (isLowS(signature)) return signature
  const out = signature.slice()
  let s = N - toBigInt(signature.subarray(32))
  for (let i = 63; i >= 32; i--, s >>= 8n) out[i] = Number(s & 255n)
  return out
}

const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes)}`)
