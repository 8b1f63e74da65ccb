import { equalBytes } from './bytes.ts'
import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { type ConsentCode, codeUntilMs, consentCodeFromCbor, consentCodeToCbor, HOLDER } from './consent-code.ts'
import { parseConsentWord } from './consent-word.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import {
  CONSENT_DAYS_MAX,
  CONSENT_WORD_BYTES_MAX,
  KEY_ID_BYTES,
  PARTY_CHARS_MAX,
  PERSON_CHARS_MAX,
  SIGNED_CONSENT_BYTES_MAX,
  THUMBPRINT_BYTES,
} from './limits.ts'
import { bytes, map, text, uint } from './shape.ts'
import { DAY_MS } from './time.ts'

/**
 * Consent: the word that a device may debit its owner's wallet. Two administrators of the wallet's tenant give it together, or
 * a paying device of the wallet gives it (consent-word.ts), or the wallet's holder by a code (consent-code.ts), and the edge signs
 * it (crypto/consent.ts). It is about one key of one device: whoever gets another key onto the device has none.
 */
export interface Consent {
  readonly wallet: string
  readonly deviceId: DeviceId
  /** Thumbprint of the device's key, 32 bytes. */
  readonly thumbprint: Uint8Array
  readonly tenant: string
  /** As the audit names them, people or devices. They differ. */
  readonly askedBy: string
  readonly confirmedBy: string
  readonly givenAtMs: number
  /** The last moment at which a payment may be taken by it. */
  readonly untilMs: number
  /** The word of the device that gave it, as that signed it; left out: people gave it. */
  readonly word?: Uint8Array
  /** What was entered of the holder's code; whether it is the code the book alone knows. Left out: no code was asked for. */
  readonly code?: ConsentCode
}

/** Which key of which device gave a consent, and when by its own clock. */
export interface ConsentGiver {
  readonly deviceId: DeviceId
  /** Hex. */
  readonly kid: string
  readonly madeAtMs: number
}

/** How a device is named where people are named otherwise. */
export const deviceName = (deviceId: DeviceId): string => `device:${deviceId}`

/** A consent, and when it was withdrawn: null while it was not. Both times are the edge's. */
export interface KeptConsent extends Pick<Consent, 'thumbprint' | 'givenAtMs' | 'untilMs'> {
  readonly withdrawnAtMs: number | null
  /** Left out: people gave it. */
  readonly giver?: ConsentGiver
  /** When the edge heard that the ledger does not bear it out: from then on it gives nothing; left out: it has not said so. */
  readonly refusedAtMs?: number
}

/** Consents of a device by which it may consent to another one: those that people gave, so that no word stands on a word. */
export const givenByPeople = <C extends KeptConsent>(consents: readonly C[]): readonly C[] =>
  consents.filter(({ giver }) => giver === undefined)

export function encodeConsent(consent: Consent): Uint8Array {
  const { wallet, deviceId, thumbprint, tenant, askedBy, confirmedBy, givenAtMs, untilMs, word, code } = consent
  return encodeCbor(
    new Map<number, CborValue>([
      [1, wallet],
      [2, deviceId],
      [3, thumbprint],
      [4, tenant],
      [5, askedBy],
      [6, confirmedBy],
      [7, givenAtMs],
      [8, untilMs],
      ...(word === undefined ? [] : ([[9, word]] as const)),
      ...(code === undefined ? [] : ([[10, consentCodeToCbor(code)]] as const)),
    ]),
  )
}

/** @throws MalformedCbor, also when one person alone gave it, its device's word or its code is for something else, or for longer than anybody may */
export function decodeConsent(encoded: Uint8Array): Consent {
  const fields = map(decodeCbor(encoded, SIGNED_CONSENT_BYTES_MAX), 'consent', [1, 2, 3, 4, 5, 6, 7, 8], [9, 10])
  const deviceId = fields.get(2)
  if (!isDeviceId(deviceId)) throw new MalformedCbor('consent.device_id')
  const consent = {
    wallet: text(fields.get(1), 'consent.wallet', PARTY_CHARS_MAX),
    deviceId,
    thumbprint: bytes(fields.get(3), 'consent.thumbprint', THUMBPRINT_BYTES),
    tenant: text(fields.get(4), 'consent.tenant', 64),
    askedBy: text(fields.get(5), 'consent.asked_by', PERSON_CHARS_MAX),
    confirmedBy: text(fields.get(6), 'consent.confirmed_by', PERSON_CHARS_MAX),
    givenAtMs: uint(fields.get(7), 'consent.given_at'),
    untilMs: uint(fields.get(8), 'consent.until'),
    ...(fields.has(9) && { word: bytes(fields.get(9), 'consent.word', { max: CONSENT_WORD_BYTES_MAX }) }),
    ...(fields.has(10) && { code: consentCodeFromCbor(fields.get(10)) }),
  }
  const { askedBy, confirmedBy, givenAtMs, untilMs } = consent
  if (askedBy === confirmedBy) throw new MalformedCbor('consent.confirmed_by')
  if (untilMs <= givenAtMs || untilMs > givenAtMs + CONSENT_DAYS_MAX * DAY_MS) throw new MalformedCbor('consent.until')
  if (!isSaidBy(consent)) throw new MalformedCbor('consent.word')
  return consent
}

/** Nobody's name can stand for a device that has not signed this very consent, or for a holder who was sent no code. */
function isSaidBy(consent: Consent): boolean {
  const { wallet, deviceId, thumbprint, askedBy, confirmedBy, givenAtMs, untilMs, word: encoded, code } = consent
  if (code !== undefined) {
    const isInTime = code.askedAtMs <= givenAtMs && givenAtMs < codeUntilMs(code)
    return encoded === undefined && askedBy === deviceName(deviceId) && confirmedBy === HOLDER && isInTime
  }
  if (encoded === undefined) {
    return ![askedBy, confirmedBy].some((name) => name === HOLDER || name.startsWith('device:'))
  }
  const { claims, word } = parseConsentWord(encoded)
  return (
    askedBy === deviceName(deviceId) &&
    confirmedBy === deviceName(claims.deviceId) &&
    word.wallet === wallet &&
    word.deviceId === deviceId &&
    equalBytes(word.thumbprint, thumbprint) &&
    untilMs <= word.untilMs
  )
}

/**
 * Until when a key pays out of the wallet of its device's owner, seen from the edge's clock at a moment. A payment counts by
 * its own date up to the end, because that was known when it was taken. A withdrawal counts from the moment at which the
 * edge has it: whoever holds a stolen device dates payments as he likes. What the edge had admitted before then stays paid.
 * One that the ledger does not bear out gives nothing: neither a payment, nor a signature, nor an answer, nor another consent.
 *
 * @param kid of the key that signed; undefined: any of the device's
 * @param atMs when the edge admitted what it signed
 * @returns undefined when it does not pay
 */
export function paysUntil(
  consents: readonly KeptConsent[],
  kid: Uint8Array | undefined,
  atMs: number,
): number | undefined {
  const ends = consents
    .filter(({ thumbprint, givenAtMs, withdrawnAtMs, refusedAtMs }) => {
      // One device has no two keys with one id.
      const isOfKey = kid === undefined || equalBytes(thumbprint.subarray(0, KEY_ID_BYTES), kid)
      const isStanding = refusedAtMs === undefined && (withdrawnAtMs === null || atMs < withdrawnAtMs)
      return isOfKey && givenAtMs <= atMs && isStanding
    })
    .map(({ untilMs }) => untilMs)
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/**
 * Whether a device debits its owner's wallet by its own word: there is consent for that, and it had not ended by the payment's
 * own date.
 *
 * @param paysUntilMs of `paysUntil`
 */
export const paysItself = (
  { sender, initiatedAtMs }: { readonly sender: string; readonly initiatedAtMs: number },
  ownerWallet: string,
  paysUntilMs: number | undefined,
): boolean => sender === ownerWallet && paysUntilMs !== undefined && initiatedAtMs <= paysUntilMs
