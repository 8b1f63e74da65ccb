import { type CborMap, type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import type { StatedCode } from './consent-code.ts'
import { isAlg, parseSign1 } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import {
  ALLOWANCE_ORDER_BYTES_MAX,
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
import {
  type AllowanceOrderMessage,
  type BundleMessage,
  type ClaimAnswerMessage,
  DEVICE_STATUSES,
  type DeviceKey,
  type DeviceMessage,
  type MandateMessage,
  OLDER_KEY_FATES,
  type OlderDeviceKey,
  REVERSAL_REASONS,
  REVIEW_ENDS,
  type ResolutionMessage,
  type ReversalMessage,
  type ReviewMessage,
  type SettleMessage,
  type StatedConsent,
} from './messages.ts'
import { type Country, isCountry } from './policy.ts'
import { bytes, list, map, oneOf, positive, text, uint } from './shape.ts'

/** How what the Device Object tells the reconciler (messages.ts) is written: deterministic CBOR, each kind under a number of its own. */

const BUNDLE = 1
const DEVICE = 2
const REVIEW = 3
const REVERSAL = 4
const CLAIM_ANSWER = 5
const MANDATE = 6
const ALLOWANCE_ORDER = 7
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
    case 'allowance_order':
      return encodeCbor(
        new Map<number, CborValue>([
          [0, ALLOWANCE_ORDER],
          [1, message.deviceId],
          [2, message.rev],
          [3, message.order],
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
    case ALLOWANCE_ORDER:
      return allowanceOrderMessage(map(value, 'message', [0, 1, 2, 3, 4, 5]))
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

function allowanceOrderMessage(fields: CborMap): AllowanceOrderMessage {
  return {
    kind: 'allowance_order',
    deviceId: device(fields.get(1)),
    rev: positive(fields.get(2), 'message.rev'),
    order: bytes(fields.get(3), 'message.order', { max: ALLOWANCE_ORDER_BYTES_MAX }),
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
