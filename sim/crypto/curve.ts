import { createHash, createHmac } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'

/** A P-256 pair: SEC1 uncompressed point, and the scalar where the holder computes. */
export interface PrivateKey {
  readonly scalar: Uint8Array
  readonly point: Uint8Array
}

/** How P-256 is computed in a run. Both ways are deterministic, and neither takes what the key's holder did not make. */
export interface Curve {
  /** @returns r and s, 64 bytes, s in the lower half */
  sign(key: PrivateKey, data: Uint8Array): Uint8Array
  verify(point: Uint8Array, signature: Uint8Array, data: Uint8Array): boolean
  /** @returns 32 bytes that the two holders share */
  shared(key: PrivateKey, theirs: Uint8Array): Uint8Array
}

/** The real thing, with RFC 6979's nonces: about a millisecond each. */
export const realCurve: Curve = {
  sign: ({ scalar }, data) => p256.sign(data, scalar, { lowS: true }),
  verify(point, signature, data) {
    try {
      return p256.verify(signature, data, point, { lowS: false })
    } catch {
      return false
    }
  },
  shared: ({ scalar }, theirs) => p256.getSharedSecret(scalar, theirs).subarray(1, 33),
}

/**
 * Keyed hashes in the forms of signatures and shared secrets. The world knows which scalar belongs to a point from its first
 * signature on, so whoever has only the point cannot make one: forgeries fail as they do in reality. A secret is a hash of
 * both points, and nobody in the world computes it without one of the scalars.
 */
export function standInCurve(): Curve {
  const scalars = new Map<string, Uint8Array>()
  const nameOf = (point: Uint8Array) => Buffer.from(point).toString('latin1')
  const mac = (scalar: Uint8Array, data: Uint8Array) => {
    const signature = createHmac('sha512', scalar).update(data).digest()
    // Neither half is zero, and s is in the lower half of the group's order.
    for (const at of [0, 32]) signature[at] = ((signature[at] ?? 0) & 0x3f) | 1
    return signature
  }
  return {
    sign({ scalar, point }, data) {
      scalars.set(nameOf(point), scalar)
      return new Uint8Array(mac(scalar, data))
    },
    verify(point, signature, data) {
      const scalar = scalars.get(nameOf(point))
      return scalar !== undefined && mac(scalar, data).equals(signature)
    },
    shared({ point }, theirs) {
      const [first, second] = [nameOf(point), nameOf(theirs)].toSorted() as [string, string]
      return new Uint8Array(createHash('sha256').update(first, 'latin1').update(second, 'latin1').digest())
    },
  }
}
