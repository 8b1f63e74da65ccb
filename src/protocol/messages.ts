import { type CborMap, type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import type { StatedCode } from './consent-code.ts'
import { type Alg, isAlg, parseSign1 } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import {
  BUNDLE_BYTES_MAX,
  BUNDLE_ID_BYTES,
  CLAIM_ANSWER_BYTES_MAX,
  CONSENTS_MAX,
  COUNTER_MAX,
  KEY_ID_BYTES,
  MANDATE_BYTES_MAX,
  OLDER_KEYS_MAX,
  PAYMENTS_PER_BUNDLE_MAX,
  PERSON_CHARS_MAX,
  SIGNED_CONSENT_BYTES_MAX,
} from './limits.ts'
import { type Country, isCountry } from './policy.ts'
import { bytes, list, map, oneOf, positive, text, uint } from './shape.ts'

/**
 * What the Device Object tells the reconciler through the settle queue. Deterministic CBOR as a Queue message of
 * content type `bytes`. Delivered at least once and in any order; each message can be told apart by its content. All but
 * bundles travel as the payload of a COSE_Sign1 of the edge (crypto/settle-message.ts).
 */
export type SettleMessage = BundleMessage | DeviceMessage | ResolutionMessage | ClaimAnswerMessage | MandateMessage
/** What people decided. The device's object owes it until `resolution_recorded` confirms its `rev`. */
export type ResolutionMessage = ReviewMessage | ReversalMessage

/** An admitted bundle. The reconciler believes neither the order nor the edge: it verifies both signatures again. */
export interface BundleMessage {
  readonly kind: 'bundle'
  readonly deviceId: DeviceId
  /** The signed bundle, the very bytes that were admitted. */
  readonly bundle: Uint8Array
  /** The signed receipt, the very bytes that the device gets. */
  readonly receipt: Uint8Array
}

/** The facts of a device; a higher `rev` replaces a lower one. */
export interface DeviceMessage {
  readonly kind: 'device'
  readonly deviceId: DeviceId
  readonly rev: number
  readonly alg: Alg
  readonly kid: Uint8Array
  /** SEC1 uncompressed for ES256. */
  readonly publicKey: Uint8Array
  readonly status: DeviceStatus
  readonly country: Country
  readonly tenant: string
  /** The wallet whose owner holds the device. */
  readonly ownerWallet: string
  readonly atMs: number
  /** Keys it had before, and what became of each: bundles and authorizations signed with them may still be on their way. */
  readonly olderKeys?: readonly OlderDeviceKey[]
  /** That the device may debit its owner's wallet, and that it may no more: bundles of then may still be on their way. */
  readonly consents?: readonly StatedConsent[]
  /** A code that the key above asks the wallet's holder for, while it is open. */
  readonly code?: StatedCode
}

/** A consent as the edge signed it (crypto/consent.ts), each time the same bytes. */
export interface StatedConsent {
  readonly signed: Uint8Array
  readonly withdrawnAtMs?: number
}

export interface DeviceKey {
  readonly alg: Alg
  readonly kid: Uint8Array
  readonly publicKey: Uint8Array
}

/** `replaced`: by a newer one, as a matter of course. `revoked`: somebody else may have it. */
export const OLDER_KEY_FATES = ['replaced', 'revoked'] as const
export interface OlderDeviceKey extends DeviceKey {
  readonly fate: (typeof OLDER_KEY_FATES)[number]
}

/**
 * Payments of one bundle wait in `review` or `quarantined` no more: people decided, or the waiting ended without a vote. May
 * arrive before the bundle.
 */
export interface ReviewMessage {
  readonly kind: 'review'
  readonly deviceId: DeviceId
  readonly bundleId: Uint8Array
  readonly seq: number
  /** Number of the resolution: 1, 2, 3 … per device, reviews and reversals together. */
  readonly rev: number
  /** Each payment once. */
  readonly choices: readonly ReviewedPayment[]
  readonly decidedAtMs: number
  /** Who agreed, as the edge's audit log names them; two where two were needed. Nobody votes to `expire`: it is `system`. */
  readonly actors: readonly string[]
}

interface ReviewedPayment {
  readonly counter: number
  readonly choice: ReviewEnd
}

/** What a person can vote. */
export const REVIEW_CHOICES = ['approve', 'reject'] as const
export type ReviewChoice = (typeof REVIEW_CHOICES)[number]

/** How waiting ends. `expire`: nobody decided in time. `revoke`: the device was revoked, and with it what waited. */
export const REVIEW_ENDS = [...REVIEW_CHOICES, 'expire', 'revoke'] as const
export type ReviewEnd = (typeof REVIEW_ENDS)[number]

/** Why a payment is undone; the numbers on the wire are the places. */
export const REVERSAL_REASONS = ['wrong_account', 'duplicate', 'fraud', 'service_not_rendered', 'wrong_amount'] as const
export type ReversalReason = (typeof REVERSAL_REASONS)[number]

/** People decided that a payment which succeeded is to be undone by a compensating transfer, once. */
export interface ReversalMessage {
  readonly kind: 'reversal'
  readonly deviceId: DeviceId
  readonly bundleId: Uint8Array
  readonly seq: number
  readonly rev: number
  readonly counter: number
  readonly reason: ReversalReason
  readonly decidedAtMs: number
  readonly actors: readonly string[]
}

/**
 * The holder of a wallet answered a claim on it, with a device of that wallet. The device's object owes it until
 * `answer_recorded` confirms its `rev`. May arrive before the bundle that the claim is in.
 */
export interface ClaimAnswerMessage {
  readonly kind: 'claim_answer'
  /** The holder's device, which signed the answer. */
  readonly deviceId: DeviceId
  /** Its number among the device's answers and mandates together: 1, 2, 3 … */
  readonly rev: number
  /** The signed answer, the very bytes that the device sent. */
  readonly answer: Uint8Array
  /** The revision of the device's facts by which the edge took it for the holder's word. */
  readonly factsRev: number
}

/**
 * The holder of a wallet gave a mandate, or ended it with a mandate of 0, with a device of that wallet. Owed and confirmed as an
 * answer to a claim.
 */
export interface MandateMessage {
  readonly kind: 'mandate'
  /** The holder's device, which signed it. */
  readonly deviceId: DeviceId
  /** Its number among the device's answers and mandates together. */
  readonly rev: number
  /** When the edge had it. */
  readonly atMs: number
  /** The signed mandate, the very bytes that the device sent. */
  readonly mandate: Uint8Array
  /** The revision of the device's facts by which the edge took it for the holder's word. */
  readonly factsRev: number
}

export const DEVICE_STATUSES = ['active', 'suspended', 'revoked'] as const
export type DeviceStatus = (typeof DEVICE_STATUSES)[number]

const BUNDLE = 1
const DEVICE = 2
const REVIEW = 3
const REVERSAL = 4
const CLAIM_ANSWER = 5
const MANDATE = 6
/** First byte of a tagged COSE_Sign1 (CBOR tag 18); a message without a signature is a map. */
export const SIGN1_TAG = 0xd2
/** How many people one resolution takes. */
const ACTORS_MAX = 2

export function encodeSettleMessage(message: SettleMessage): Uint8Array {
  switch (message.kind) {
    case 'bundle':
      return encodeCbor(
        new Map<number, CborValue>([
          [0, BUNDLE],
          [1, message.deviceId],
          [2, message.bundle],
          [3, message.receipt],
        ]),
      )
    case 'device': {
      const fields = new Map<number, CborValue>([
        [0, DEVICE],
        [1, message.deviceId],
        [2, message.rev],
        [3, message.alg],
        [4, message.kid],
        [5, message.publicKey],
        [6, DEVICE_STATUSES.indexOf(message.status)],
        [7, message.country],
        [8, message.tenant],
        [9, message.ownerWallet],
        [10, message.atMs],
      ])
      const { olderKeys = [], consents = [], code } = message
      if (olderKeys.length > 0)
        fields.set(
          11,
          olderKeys.map(({ alg, kid, publicKey, fate }) => [alg, kid, publicKey, OLDER_KEY_FATES.indexOf(fate)]),
        )
      if (consents.length > 0)
        fields.set(
          12,
          consents.map(({ signed, withdrawnAtMs }) =>
            withdrawnAtMs === undefined ? [signed] : [signed, withdrawnAtMs],
          ),
        )
      if (code) fields.set(13, [code.no, code.askedAtMs, ...(code.answer ? [code.answer] : [])])
      return encodeCbor(fields)
    }
    case 'review':
      return encodeCbor(
        resolutionFields(REVIEW, message).set(
          7,
          message.choices.map(({ counter, choice }) => [counter, REVIEW_ENDS.indexOf(choice)]),
        ),
      )
    case 'reversal':
      return encodeCbor(
        resolutionFields(REVERSAL, message).set(7, message.counter).set(8, REVERSAL_REASONS.indexOf(message.reason)),
      )
    case 'claim_answer':
      return encodeCbor(
        new Map<number, CborValue>([
          [0, CLAIM_ANSWER],
          [1, message.deviceId],
          [2, message.rev],
          [3, message.answer],
          [4, message.factsRev],
        ]),
      )
    case 'mandate':
      return encodeCbor(
        new Map<number, CborValue>([
          [0, MANDATE],
          [1, message.deviceId],
          [2, message.rev],
          [3, message.mandate],
          [4, message.atMs],
          [5, message.factsRev],
        ]),
      )
  }
}

function resolutionFields(kind: number, message: ResolutionMessage): Map<number, CborValue> {
  return new Map<number, CborValue>([
    [0, kind],
    [1, message.deviceId],
    [2, message.bundleId],
    [3, message.seq],
    [4, message.rev],
    [5, message.decidedAtMs],
    [6, message.actors],
  ])
}

/** Bytes of the largest message: a full bundle, its receipt, and the few fields beside them. */
const MESSAGE_BYTES_MAX = BUNDLE_BYTES_MAX + 16 * 1024

/**
 * What a message says, in either form. Nothing of it is verified.
 *
 * @returns bytes for `parseSettleMessage`
 * @throws MalformedCbor
 */
export function settleContent(encoded: Uint8Array): Uint8Array {
  return encoded[0] === SIGN1_TAG ? parseSign1(encoded).payload : encoded
}

/** @throws MalformedCbor */
export function parseSettleMessage(encoded: Uint8Array): SettleMessage {
  const value = decodeCbor(encoded, MESSAGE_BYTES_MAX)
  if (!(value instanceof Map)) throw new MalformedCbor('message')
  switch (value.get(0)) {
    case BUNDLE:
      return bundleMessage(map(value, 'message', [0, 1, 2, 3]))
    case DEVICE:
      return deviceMessage(map(value, 'message', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [11, 12, 13]))
    case REVIEW:
      return reviewMessage(map(value, 'message', [0, 1, 2, 3, 4, 5, 6, 7]))
    case REVERSAL:
      return reversalMessage(map(value, 'message', [0, 1, 2, 3, 4, 5, 6, 7, 8]))
    case CLAIM_ANSWER:
      return claimAnswerMessage(map(value, 'message', [0, 1, 2, 3, 4]))
    case MANDATE:
      return mandateMessage(map(value, 'message', [0, 1, 2, 3, 4, 5]))
    default:
      throw new MalformedCbor('message.kind')
  }
}

function bundleMessage(fields: CborMap): BundleMessage {
  return {
    kind: 'bundle',
    deviceId: device(fields.get(1)),
    bundle: bytes(fields.get(2), 'message.bundle', { max: BUNDLE_BYTES_MAX }),
    receipt: bytes(fields.get(3), 'message.receipt', { max: BUNDLE_BYTES_MAX }),
  }
}

function deviceMessage(fields: CborMap): DeviceMessage {
  return {
    kind: 'device',
    deviceId: device(fields.get(1)),
    rev: positive(fields.get(2), 'message.rev'),
    ...deviceKey([fields.get(3), fields.get(4), fields.get(5)]),
    status: oneOf(fields.get(6), 'message.status', DEVICE_STATUSES),
    country: country(fields.get(7)),
    tenant: text(fields.get(8), 'message.tenant', 64),
    ownerWallet: text(fields.get(9), 'message.owner_wallet', 64),
    atMs: uint(fields.get(10), 'message.at'),
    ...(fields.has(11) && {
      olderKeys: list(fields.get(11), 'message.older_keys', 1, OLDER_KEYS_MAX).map(olderKey),
    }),
    ...(fields.has(12) && {
      consents: list(fields.get(12), 'message.consents', 1, CONSENTS_MAX).map(statedConsent),
    }),
    ...(fields.has(13) && { code: statedCode(fields.get(13)) }),
  }
}

function deviceKey([alg, kid, publicKey]: readonly (CborValue | undefined)[]): DeviceKey {
  if (!isAlg(alg)) throw new MalformedCbor('message.alg')
  return {
    alg,
    kid: bytes(kid, 'message.kid', KEY_ID_BYTES),
    publicKey: bytes(publicKey, 'message.public_key', { max: 1024 }),
  }
}

function olderKey(value: CborValue): OlderDeviceKey {
  const key = list(value, 'message.older_key', 4, 4)
  return { ...deviceKey(key), fate: oneOf(key[3], 'message.older_key', OLDER_KEY_FATES) }
}

function statedConsent(value: CborValue): StatedConsent {
  const [signed, withdrawnAt] = list(value, 'message.consent', 1, 2)
  return {
    signed: bytes(signed, 'message.consent', { max: SIGNED_CONSENT_BYTES_MAX }),
    ...(withdrawnAt !== undefined && { withdrawnAtMs: uint(withdrawnAt, 'message.consent') }),
  }
}

function statedCode(value: CborValue | undefined): StatedCode {
  const [no, askedAt, answer] = list(value, 'message.code', 2, 3)
  return {
    no: positive(no, 'message.code', COUNTER_MAX),
    askedAtMs: uint(askedAt, 'message.code'),
    ...(answer !== undefined && { answer: bytes(answer, 'message.code', { max: SIGNED_CONSENT_BYTES_MAX }) }),
  }
}

function reviewMessage(fields: CborMap): ReviewMessage {
  const choices = list(fields.get(7), 'message.choices', 1, PAYMENTS_PER_BUNDLE_MAX).map((value) => {
    const [counter, choice] = list(value, 'message.resolution', 2, 2)
    return {
      counter: positive(counter, 'message.counter', COUNTER_MAX),
      choice: oneOf(choice, 'message.choice', REVIEW_ENDS),
    }
  })
  if (new Set(choices.map(({ counter }) => counter)).size !== choices.length) {
    throw new MalformedCbor('message.choices')
  }
  return { kind: 'review', ...resolution(fields), choices }
}

function reversalMessage(fields: CborMap): ReversalMessage {
  return {
    kind: 'reversal',
    ...resolution(fields),
    counter: positive(fields.get(7), 'message.counter', COUNTER_MAX),
    reason: oneOf(fields.get(8), 'message.reason', REVERSAL_REASONS),
  }
}

function claimAnswerMessage(fields: CborMap): ClaimAnswerMessage {
  return {
    kind: 'claim_answer',
    deviceId: device(fields.get(1)),
    rev: positive(fields.get(2), 'message.rev'),
    answer: bytes(fields.get(3), 'message.answer', { max: CLAIM_ANSWER_BYTES_MAX }),
    factsRev: positive(fields.get(4), 'message.facts_rev'),
  }
}

function mandateMessage(fields: CborMap): MandateMessage {
  return {
    kind: 'mandate',
    deviceId: device(fields.get(1)),
    rev: positive(fields.get(2), 'message.rev'),
    mandate: bytes(fields.get(3), 'message.mandate', { max: MANDATE_BYTES_MAX }),
    atMs: uint(fields.get(4), 'message.at'),
    factsRev: positive(fields.get(5), 'message.facts_rev'),
  }
}

function resolution(fields: CborMap) {
  return {
    deviceId: device(fields.get(1)),
    bundleId: bytes(fields.get(2), 'message.bundle_id', BUNDLE_ID_BYTES),
    seq: positive(fields.get(3), 'message.seq', COUNTER_MAX),
    rev: positive(fields.get(4), 'message.rev'),
    decidedAtMs: uint(fields.get(5), 'message.decided_at'),
    actors: list(fields.get(6), 'message.actors', 1, ACTORS_MAX).map((one) =>
      text(one, 'message.actor', PERSON_CHARS_MAX),
    ),
  }
}

function device(value: CborValue | undefined): DeviceId {
  if (!isDeviceId(value)) throw new MalformedCbor('message.device_id')
  return value
}

function country(value: CborValue | undefined): Country {
  if (!isCountry(value)) throw new MalformedCbor('message.country')
  return value
}
