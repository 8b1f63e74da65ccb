import { type CborMap, type CborValue, decodeCbor, encodeCbor, MalformedCbor, Tagged } from './cbor.ts'
import { type Alg, HEADER_ALG, HEADER_CLAIMS, HEADER_KID, parseSign1, readAlgKid, type Sign1 } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { BUNDLE_ID_BYTES, COUNTER_MAX, KEY_ID_BYTES, NONCE_BYTES, PREV_BYTES, SECONDS_MAX } from './limits.ts'
import { bytes, int, list, map, positive, tagged, uint } from './shape.ts'

/** Media type of a bundle on the wire. */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.molam.bundle+cose'
export const PROTOCOL_VERSION = 1

/** COSE algorithm number of HPKE-7: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (draft-ietf-cose-hpke). */
const HPKE_7 = 45
const LABEL_EK = -4
const SEC1_UNCOMPRESSED_BYTES = 65

/** What a device says, signed, about a bundle (docs/protocol.md §3). */
export interface BundleHeader {
  readonly alg: Alg
  readonly kid: Uint8Array
  readonly deviceId: DeviceId
  /** The device's clock when it signed, in whole seconds as milliseconds. */
  readonly signedAtMs: number
  /** ULID, 16 bytes. */
  readonly bundleId: Uint8Array
  /** 1, 2, 3 … per device, no holes. */
  readonly seq: number
  /** First half of the digest of the bundle before; zeros for seq 1. */
  readonly prev: Uint8Array
  /** Fresh random for each signature. */
  readonly nonce: Uint8Array
  /** Made to be carried by another device. */
  readonly relay: boolean
}

export interface Bundle extends Sign1 {
  readonly claims: BundleHeader
}

/** The sealed part: an HPKE-sealed payload for the recipient key it names. */
export interface Sealed {
  readonly recipientKid: Uint8Array
  readonly encapsulatedKey: Uint8Array
  readonly ciphertext: Uint8Array
}

/** A bundle of a later protocol: well-formed, but not ours to read. */
export class UnsupportedVersion extends MalformedCbor {
  override name = 'UnsupportedVersion'
}

export function encodeBundleHeader(header: BundleHeader): Uint8Array {
  const claims = new Map<number | string, CborValue>([
    [1, header.deviceId],
    [6, Math.floor(header.signedAtMs / 1000)],
    [7, header.bundleId],
    ['v', PROTOCOL_VERSION],
    ['seq', header.seq],
    ['prev', header.prev],
    ['nonce', header.nonce],
  ])
  if (header.relay) claims.set('relay', 1)
  return encodeCbor(
    new Map<number, CborValue>([
      [HEADER_ALG, header.alg],
      [HEADER_KID, header.kid],
      [HEADER_CLAIMS, claims],
    ]),
  )
}

/**
 * Reads a bundle's envelope without opening or verifying it.
 *
 * @throws MalformedCbor, UnsupportedVersion
 */
export function parseBundle(encoded: Uint8Array): Bundle {
  const sign1 = parseSign1(encoded)
  return { ...sign1, claims: readHeader(sign1.header) }
}

function readHeader(value: CborMap): BundleHeader {
  const header = map(value, 'header', [HEADER_ALG, HEADER_KID, HEADER_CLAIMS])
  const claims = header.get(HEADER_CLAIMS)
  if (!(claims instanceof Map)) throw new MalformedCbor('claims')
  if (uint(claims.get('v'), 'v') !== PROTOCOL_VERSION) throw new UnsupportedVersion('v')
  map(claims, 'claims', [1, 6, 7, 'v', 'seq', 'prev', 'nonce'], ['relay'])
  const deviceId = claims.get(1)
  if (!isDeviceId(deviceId)) throw new MalformedCbor('iss')
  if (claims.has('relay') && claims.get('relay') !== 1) throw new MalformedCbor('relay')
  return {
    ...readAlgKid(header),
    deviceId,
    signedAtMs: 1000 * uint(claims.get(6), 'iat', SECONDS_MAX),
    bundleId: bytes(claims.get(7), 'cti', BUNDLE_ID_BYTES),
    seq: positive(claims.get('seq'), 'seq', COUNTER_MAX),
    prev: bytes(claims.get('prev'), 'prev', PREV_BYTES),
    nonce: bytes(claims.get('nonce'), 'nonce', NONCE_BYTES),
    relay: claims.has('relay'),
  }
}

const SEALED_PROTECTED = encodeCbor(new Map([[HEADER_ALG, HPKE_7]]))

export function encodeSealed(sealed: Sealed): Uint8Array {
  const unprotected = new Map<number, Uint8Array>([
    [HEADER_KID, sealed.recipientKid],
    [LABEL_EK, sealed.encapsulatedKey],
  ])
  return encodeCbor(new Tagged(16, [SEALED_PROTECTED, unprotected, sealed.ciphertext]))
}

/** @throws MalformedCbor */
export function parseSealed(encoded: Uint8Array): Sealed {
  const parts = list(tagged(decodeCbor(encoded), 'sealed', 16), 'sealed', 3, 3)
  const header = map(decodeCbor(bytes(parts[0], 'sealed.protected', { max: 64 })), 'sealed.protected', [HEADER_ALG])
  if (int(header.get(HEADER_ALG), 'sealed.alg') !== HPKE_7) throw new MalformedCbor('sealed.alg')
  const unprotected = map(parts[1], 'sealed.unprotected', [HEADER_KID, LABEL_EK])
  return {
    recipientKid: bytes(unprotected.get(HEADER_KID), 'sealed.kid', KEY_ID_BYTES),
    encapsulatedKey: bytes(unprotected.get(LABEL_EK), 'sealed.ek', SEC1_UNCOMPRESSED_BYTES),
    ciphertext: bytes(parts[2], 'sealed.ciphertext', { max: encoded.length }),
  }
}

/**
 * The AAD of the seal: `Enc_structure` (RFC 9052 §5.3) with an `external_aad` that binds the sealed part to its device,
 * bundle and sequence, so that a stolen ciphertext cannot be signed again by another device.
 */
export function sealAad(header: Pick<BundleHeader, 'deviceId' | 'bundleId' | 'seq'>): Uint8Array {
  const external = encodeCbor(['molam-offline-bundle-v1', header.deviceId, header.bundleId, header.seq])
  return encodeCbor(['Encrypt0', SEALED_PROTECTED, external])
}
