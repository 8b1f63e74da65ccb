import { type CborMap, type CborValue, decodeCbor, encodeCbor, MalformedCbor, Tagged } from './cbor.ts'
import { BUNDLE_BYTES_MAX, KEY_ID_BYTES } from './limits.ts'
import { bytes, int, list, map, tagged } from './shape.ts'

/** COSE_Sign1 (RFC 9052 §4.2), tagged, with everything protected and nothing unprotected. */
export interface Sign1 {
  /** The protected header as it was signed; verification must use these very bytes. */
  readonly protectedBytes: Uint8Array
  readonly header: CborMap
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** Signature algorithms (RFC 9053 §2, RFC 8812 §2): which one is meant belongs to the registered key. */
export const ES256 = -7
export const EDDSA = -8
export const PS256 = -37
export const RS256 = -257
export type Alg = typeof ES256 | typeof EDDSA | typeof PS256 | typeof RS256
export const isAlg = (value: unknown): value is Alg =>
  value === ES256 || value === EDDSA || value === PS256 || value === RS256

/** COSE header labels (RFC 9052 §3.1, RFC 9597 §2). */
export const HEADER_ALG = 1
export const HEADER_KID = 4
export const HEADER_CLAIMS = 15

/**
 * What is signed apart from the header and the payload (`external_aad`, RFC 9052 §4.4). It names the kind of object, so
 * that a signature over one kind can never be presented as another; a bundle's is empty, as the wire demands.
 */
export type SignedKind =
  | ''
  | 'molam-receipt-v1'
  | 'molam-notice-v1'
  | 'molam-settle-v1'
  | 'molam-policy-v1'
  | 'molam-consent-v1'
  | 'molam-device-proof-v1'
  | 'molam-payer-pass-v1'
  | 'molam-payer-authorization-v1'
  | 'molam-agent-approval-v1'
  | 'molam-claim-answer-v1'
  | 'molam-wallet-consent-v1'
  | 'molam-mandate-v1'
  | 'molam-allowance-order-v1'

/** `Sig_structure` of RFC 9052 §4.4: the bytes that a COSE_Sign1 signature covers. */
export function sigStructure(protectedBytes: Uint8Array, payload: Uint8Array, kind: SignedKind): Uint8Array {
  return encodeCbor(['Signature1', protectedBytes, new TextEncoder().encode(kind), payload])
}

export function encodeSign1(parts: Omit<Sign1, 'header'>): Uint8Array {
  return encodeCbor(new Tagged(18, [parts.protectedBytes, new Map(), parts.payload, parts.signature]))
}

/** @throws MalformedCbor */
export function parseSign1(encoded: Uint8Array): Sign1 {
  const { payload, ...parts } = partsOf(encoded)
  return { ...parts, payload: bytes(payload, 'payload', { max: BUNDLE_BYTES_MAX }) }
}

/** A COSE_Sign1 without its payload, which whoever verifies it brings (detached content, RFC 9052 §4.1). @throws MalformedCbor */
export function parseDetached(encoded: Uint8Array): Omit<Sign1, 'payload'> {
  const { payload, ...parts } = partsOf(encoded)
  if (payload !== null) throw new MalformedCbor('payload')
  return parts
}

function partsOf(encoded: Uint8Array): Omit<Sign1, 'payload'> & { readonly payload: CborValue | undefined } {
  const parts = list(tagged(decodeCbor(encoded), 'COSE_Sign1', 18), 'COSE_Sign1', 4, 4)
  const protectedBytes = bytes(parts[0], 'protected', { max: BUNDLE_BYTES_MAX })
  map(parts[1], 'unprotected', [])
  const header = decodeCbor(protectedBytes)
  if (!(header instanceof Map)) throw new MalformedCbor('protected')
  return { protectedBytes, header, payload: parts[2], signature: bytes(parts[3], 'signature', { max: 512 }) }
}

/** @param encoded with a payload @returns it without, as `parseDetached` reads it @throws MalformedCbor */
export const detached = (encoded: Uint8Array): Uint8Array => encodeDetached(parseSign1(encoded))

export function encodeDetached({ protectedBytes, signature }: Pick<Sign1, 'protectedBytes' | 'signature'>): Uint8Array {
  return encodeCbor(new Tagged(18, [protectedBytes, new Map(), null, signature]))
}

/** The algorithm and key id that a protected header names. */
export function readAlgKid(header: CborMap): { alg: Alg; kid: Uint8Array } {
  const alg = int(header.get(HEADER_ALG), 'alg')
  if (!isAlg(alg)) throw new MalformedCbor('alg')
  return { alg, kid: bytes(header.get(HEADER_KID), 'kid', KEY_ID_BYTES) }
}
