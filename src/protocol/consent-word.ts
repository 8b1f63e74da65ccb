import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { type Alg, HEADER_ALG, HEADER_CLAIMS, HEADER_KID, parseSign1, readAlgKid, type Sign1 } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import {
  CONSENT_DAYS_MAX,
  CONSENT_REQUEST_BYTES_MAX,
  CONSENT_WORD_BYTES_MAX,
  PARTY_CHARS_MAX,
  SECONDS_MAX,
  THUMBPRINT_BYTES,
} from './limits.ts'
import { bytes, list, map, text, uint } from './shape.ts'
import { DAY_MS } from './time.ts'

/**
 * Consent by a device: a paying device of a wallet says that another device of the wallet's holder may pay out of it too. The new
 * device shows a request, the paying one signs its word over it, and the new one carries that to the edge (docs/protocol.md §6.9).
 * Both fit into one QR code.
 */
export interface ConsentRequest {
  readonly wallet: string
  readonly deviceId: DeviceId
  /** Thumbprint of the new device's key, 32 bytes. */
  readonly thumbprint: Uint8Array
}

/** What the paying device signs. */
export interface ConsentWord extends ConsentRequest {
  /** By the signing device's clock, whole seconds. */
  readonly madeAtMs: number
  readonly untilMs: number
}

export interface ConsentWordHeader {
  readonly alg: Alg
  readonly kid: Uint8Array
  /** The device that gives it: the giver. */
  readonly deviceId: DeviceId
}

export interface SignedConsentWord extends Sign1 {
  readonly claims: ConsentWordHeader
  readonly word: ConsentWord
}

/** The bytes of the QR code that the new device shows. */
export function encodeConsentRequest({ wallet, deviceId, thumbprint }: ConsentRequest): Uint8Array {
  return encodeCbor([wallet, deviceId, thumbprint])
}

/** Nobody has signed it: whoever consents looks at the device that shows it. @throws MalformedCbor */
export function decodeConsentRequest(encoded: Uint8Array): ConsentRequest {
  return requestOf(list(decodeCbor(encoded, CONSENT_REQUEST_BYTES_MAX), 'consent_request', 3, 3))
}

/** The payload of the COSE_Sign1 with `external_aad` `molam-wallet-consent-v1`. */
export function encodeConsentWord({ wallet, deviceId, thumbprint, madeAtMs, untilMs }: ConsentWord): Uint8Array {
  const times = [madeAtMs, untilMs].map((ms) => Math.floor(ms / 1000))
  return encodeCbor([wallet, deviceId, thumbprint, ...times])
}

export function encodeConsentWordHeader({ alg, kid, deviceId }: ConsentWordHeader): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [HEADER_ALG, alg],
      [HEADER_KID, kid],
      [HEADER_CLAIMS, new Map([[1, deviceId]])],
    ]),
  )
}

/** Nothing of it is verified. @throws MalformedCbor, also when a device consents to itself, or for longer than anybody may */
export function parseConsentWord(encoded: Uint8Array): SignedConsentWord {
  if (encoded.length > CONSENT_WORD_BYTES_MAX) throw new MalformedCbor('consent_word')
  const sign1 = parseSign1(encoded)
  const header = map(sign1.header, 'consent_word', [HEADER_ALG, HEADER_KID, HEADER_CLAIMS])
  const giver = map(header.get(HEADER_CLAIMS), 'consent_word.claims', [1]).get(1)
  if (!isDeviceId(giver)) throw new MalformedCbor('consent_word.iss')
  const word = wordOf(sign1.payload)
  if (word.deviceId === giver) throw new MalformedCbor('consent_word.device_id')
  return { ...sign1, claims: { ...readAlgKid(header), deviceId: giver }, word }
}

function wordOf(payload: Uint8Array): ConsentWord {
  const fields = list(decodeCbor(payload), 'consent_word', 5, 5)
  const [madeAtMs, untilMs] = [fields[3], fields[4]].map((at) => 1000 * uint(at, 'consent_word.at', SECONDS_MAX))
  if (madeAtMs === undefined || untilMs === undefined) throw new MalformedCbor('consent_word.at')
  if (untilMs <= madeAtMs || untilMs > madeAtMs + CONSENT_DAYS_MAX * DAY_MS) {
    throw new MalformedCbor('consent_word.until')
  }
  return { ...requestOf(fields), madeAtMs, untilMs }
}

function requestOf([wallet, deviceId, thumbprint]: readonly CborValue[]): ConsentRequest {
  if (!isDeviceId(deviceId)) throw new MalformedCbor('consent_word.device_id')
  return {
    wallet: text(wallet, 'consent_word.wallet', PARTY_CHARS_MAX),
    deviceId,
    thumbprint: bytes(thumbprint, 'consent_word.thumbprint', THUMBPRINT_BYTES),
  }
}
