import { type CborValue, encodeCbor, MalformedCbor } from './cbor.ts'
import { type Alg, HEADER_ALG, HEADER_CLAIMS, HEADER_KID, parseSign1, readAlgKid, type Sign1 } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { NONCE_BYTES, SECONDS_MAX, THUMBPRINT_BYTES } from './limits.ts'
import { bytes, map, text, uint } from './shape.ts'

/**
 * How a device proves itself without pushing: a COSE_Sign1 with an empty payload whose claims name the device, the
 * time, a nonce, and the method and URL it is for (`htm` and `htu` as in RFC 9449 §4.2), and the digest of the body (`htd`): whoever
 * sees a proof can send nothing else with it. Sent as `Authorization: Molam-Device <base64url>`, and at registration, within the body, as the
 * proof that the key is held.
 */
export interface DeviceProofHeader {
  readonly alg: Alg
  readonly kid: Uint8Array
  readonly deviceId: DeviceId
  readonly issuedAtMs: number
  readonly nonce: Uint8Array
  /** HTTP method, upper case. */
  readonly htm: string
  /** URL without query and fragment. */
  readonly htu: string
  /** SHA-256 of the request's body, as `sha-256` of Content-Digest (RFC 9530); left out of a request without one. */
  readonly bodyDigest?: Uint8Array
  /** Thumbprint of another key that is to be this device's: the old key's own word for the new one at a rotation. */
  readonly confirms?: Uint8Array
}

/** The confirmation claim of a CWT (RFC 8747 §3.1), and its method by COSE key thumbprint, `ckt` (RFC 9679). */
const [CLAIM_CNF, CNF_CKT] = [8, 5]

export interface DeviceProof extends Sign1 {
  readonly claims: DeviceProofHeader
}

export const DEVICE_PROOF_SCHEME = 'Molam-Device'

/** The `htu` of a URL: scheme, host and path. */
export function htuOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

export function encodeDeviceProofHeader(header: DeviceProofHeader): Uint8Array {
  const claims = new Map<number | string, CborValue>([
    [1, header.deviceId],
    [6, Math.floor(header.issuedAtMs / 1000)],
    ['nonce', header.nonce],
    ['htm', header.htm],
    ['htu', header.htu],
  ])
  if (header.bodyDigest) claims.set('htd', header.bodyDigest)
  if (header.confirms) claims.set(CLAIM_CNF, new Map([[CNF_CKT, header.confirms]]))
  return encodeCbor(
    new Map<number, CborValue>([
      [HEADER_ALG, header.alg],
      [HEADER_KID, header.kid],
      [HEADER_CLAIMS, claims],
    ]),
  )
}

/** @throws MalformedCbor */
export function parseDeviceProof(encoded: Uint8Array): DeviceProof {
  const sign1 = parseSign1(encoded)
  if (sign1.payload.length !== 0) throw new MalformedCbor('proof.payload')
  const header = map(sign1.header, 'proof', [HEADER_ALG, HEADER_KID, HEADER_CLAIMS])
  const claims = map(header.get(HEADER_CLAIMS), 'proof.claims', [1, 6, 'nonce', 'htm', 'htu'], ['htd', CLAIM_CNF])
  const deviceId = claims.get(1)
  if (!isDeviceId(deviceId)) throw new MalformedCbor('proof.iss')
  const cnf = claims.has(CLAIM_CNF) ? map(claims.get(CLAIM_CNF), 'proof.cnf', [CNF_CKT]) : undefined
  return {
    ...sign1,
    claims: {
      ...readAlgKid(header),
      deviceId,
      issuedAtMs: 1000 * uint(claims.get(6), 'proof.iat', SECONDS_MAX),
      nonce: bytes(claims.get('nonce'), 'proof.nonce', NONCE_BYTES),
      htm: text(claims.get('htm'), 'proof.htm', 16),
      htu: text(claims.get('htu'), 'proof.htu', 2048),
      ...(claims.has('htd') && { bodyDigest: bytes(claims.get('htd'), 'proof.htd', THUMBPRINT_BYTES) }),
      ...(cnf && { confirms: bytes(cnf.get(CNF_CKT), 'proof.ckt', THUMBPRINT_BYTES) }),
    },
  }
}
