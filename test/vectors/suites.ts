import { nobleSuite } from '../../src/crypto/noble.ts'
import type { CryptoSuite } from '../../src/crypto/suite.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { concatBytes, fromHex, toHex } from '../../src/protocol/bytes.ts'

/** Every vector runs against both: a device signs with one what the edge verifies with the other. */
export const suites: readonly (readonly [name: string, suite: CryptoSuite])[] = [
  ['webcrypto', webCryptoSuite],
  ['noble', nobleSuite((length) => crypto.getRandomValues(new Uint8Array(length)))],
]

/** Order of P-256 (SEC 2 §2.4.2), written here again so that a slip in `src/crypto/low-s.ts` shows. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** `high`: s above n/2, which we refuse whatever it signs; `none`: s is not within 1 … n-1, or not 64 bytes. */
export function sOf(signature: Uint8Array): 'low' | 'high' | 'none' {
  const s = signature.length === 64 ? readS(signature) : 0n
  if (s === 0n || s >= N) return 'none'
  return s > N / 2n ? 'high' : 'low'
}

/** The other signature of the pair (r, s), (r, n-s): both hold or neither does (malleability). */
export function twin(signature: Uint8Array): Uint8Array {
  const s = (N - readS(signature)).toString(16).padStart(64, '0')
  return concatBytes(signature.subarray(0, 32), fromHex(s))
}

const readS = (signature: Uint8Array) => BigInt(`0x${toHex(signature.subarray(32))}`)
