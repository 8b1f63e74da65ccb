import { createECDH, createPublicKey, hash } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'
import { remembered } from './remembered.ts'

/** A P-256 pair: SEC1 uncompressed point, and the scalar where the holder computes. */
export interface PrivateKey {
  readonly scalar: Uint8Array
  readonly point: Uint8Array
}

/** How P-256 is computed in a run. Both ways are deterministic, and neither takes what the key's holder did not make. */
export interface Curve {
  /** @returns 65 bytes: the public point of a scalar */
  point(scalar: Uint8Array): Uint8Array
  /** Whether these are 65 bytes of an uncompressed point of the curve. */
  isPoint(point: Uint8Array): boolean
  /** @returns r and s, 64 bytes, s in the lower half */
  sign(key: PrivateKey, data: Uint8Array): Uint8Array
  verify(point: Uint8Array, signature: Uint8Array, data: Uint8Array): boolean
  /** @returns 32 bytes that the two holders share */
  shared(key: PrivateKey, theirs: Uint8Array): Uint8Array
}

const POINT_BYTES = 65
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const hasForm = (point: Uint8Array): boolean => point.length === POINT_BYTES && point[0] === 4

/** The real thing, with RFC 6979's nonces: about a millisecond each. */
export const realCurve: Curve = {
  point: remembered((scalar) => {
    const ecdh = createECDH('prime256v1')
    ecdh.setPrivateKey(scalar)
    return new Uint8Array(ecdh.getPublicKey())
  }),
  isPoint: remembered((point) => {
    if (!hasForm(point)) return false
    const [x, y] = [base64url(point.subarray(1, 33)), base64url(point.subarray(33))]
    try {
      createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
      return true
    } catch {
      return false
    }
  }),
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
 * Hashes in the forms of signatures and shared secrets. Points are real, because a pass carries one by half and its reader finds the
 * other half by arithmetic. The world knows which scalar belongs to a point from its first signature on, so
 * whoever has only the point cannot make one: forgeries fail as they do in reality. A secret is a hash of both points, and
 * nobody in the world computes it without one of the scalars.
 */
export function standInCurve(): Curve {
  const scalars = new Map<string, Uint8Array>()
  const nameOf = (point: Uint8Array) => bufferOf(point).toString('latin1')
  const mac = (scalar: Uint8Array, data: Uint8Array) => {
    const signature = hash('sha512', Buffer.concat([scalar, data]), 'buffer')
    // Neither half is zero, and s is in the lower half of the group's order.
    for (const at of [0, 32]) signature[at] = ((signature[at] ?? 0) & 0x3f) | 1
    return signature
  }
  return {
    point: (scalar) => realCurve.point(scalar),
    isPoint: (point) => realCurve.isPoint(point),
    sign({ scalar, point }, data) {
      scalars.set(nameOf(point), scalar)
      return mac(scalar, data)
    },
    verify(point, signature, data) {
      const scalar = scalars.get(nameOf(point))
      return scalar !== undefined && mac(scalar, data).equals(signature)
    },
    shared: ({ point }, theirs) =>
      hash('sha256', Buffer.concat([point, theirs].sort((a, b) => Buffer.compare(a, b))), 'buffer'),
  }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
