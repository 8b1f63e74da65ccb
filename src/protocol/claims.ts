import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { parseSign1, type Sign1 } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { AMOUNT_MAX, COUNTER_MAX, PARTY_CHARS_MAX, SECONDS_MAX } from './limits.ts'
import { type AmountMinor, amountMinor, type Currency } from './money.ts'
import { type PayerHeader, readPayerHeader } from './payer-header.ts'
import { PAYMENT_TYPES, type PaymentType } from './payment.ts'
import { bytes, currencyCode, list, oneOf, positive, text, uint } from './shape.ts'
import { HOUR_MS } from './time.ts'

/**
 * A claim is a payment without its payer's word. The holder of the wallet is asked, and answers with a signature of one of
 * the wallet's own devices. Whoever stays silent has not confirmed.
 */

/** How long the holder is asked, counted from when the edge received the claim's bundle: as long as a review waits. */
export const CLAIM_OPEN_MS = 72 * HOUR_MS

/** What the holder of a wallet is shown of a claim on it. */
export interface Claim {
  /** The device that recorded the payment, and the payment's number there. */
  readonly takerId: DeviceId
  readonly counter: number
  /** SHA-256 over everything that the payment says. */
  readonly contentHash: Uint8Array
  readonly type: PaymentType
  readonly amount: AmountMinor
  readonly currency: Currency
  /** The wallet that asks for the money. */
  readonly receiver: string
  readonly initiatedAtMs: number
  /** Without an answer before it the claim ends, and nothing moves. */
  readonly openUntilMs: number
}

export function claimToCbor(claim: Claim): CborValue {
  const { takerId, counter, contentHash, type, amount, receiver, initiatedAtMs, openUntilMs } = claim
  const fields = [takerId, counter, contentHash, PAYMENT_TYPES.indexOf(type), amount, claim.currency, receiver]
  return [...fields, initiatedAtMs, openUntilMs]
}

/** @throws MalformedCbor */
export function claimFromCbor(value: CborValue): Claim {
  const [taker, counter, hash, type, amount, unit, receiver, initiatedAt, openUntil] = list(value, 'claim', 9, 9)
  return {
    ...claimedPayment([taker, counter, hash, amount]),
    type: oneOf(type, 'claim.type', PAYMENT_TYPES),
    currency: currencyCode(unit, 'claim.currency'),
    receiver: text(receiver, 'claim.receiver', PARTY_CHARS_MAX),
    initiatedAtMs: uint(initiatedAt, 'claim.initiated_at'),
    openUntilMs: uint(openUntil, 'claim.open_until'),
  }
}

type ClaimedPayment = Pick<Claim, 'takerId' | 'counter' | 'contentHash' | 'amount'>

function claimedPayment([taker, counter, hash, amount]: readonly (CborValue | undefined)[]): ClaimedPayment {
  if (!isDeviceId(taker)) throw new MalformedCbor('claim.taker')
  return {
    takerId: taker,
    counter: positive(counter, 'claim.counter', COUNTER_MAX),
    contentHash: bytes(hash, 'claim.content_hash', CONTENT_HASH_BYTES),
    amount: amountMinor(positive(amount, 'claim.amount', AMOUNT_MAX)),
  }
}

const CONTENT_HASH_BYTES = 32

/** `confirm`: the holder wants the payment made. `refuse`: the holder does not know it, or will not pay. */
export const CLAIM_CHOICES = ['confirm', 'refuse'] as const
export type ClaimChoice = (typeof CLAIM_CHOICES)[number]

/** What the holder signs: the payment by its content, so that no other payment can stand in its place, and the choice. */
export interface ClaimAnswer extends ClaimedPayment {
  readonly choice: ClaimChoice
  readonly answeredAtMs: number
}

export interface SignedClaimAnswer extends Sign1 {
  /** Who signed it. */
  readonly claims: PayerHeader
  readonly answer: ClaimAnswer
}

/** The payload of the COSE_Sign1 with `external_aad` `molam-claim-answer-v1` (docs/protocol.md §5.1). */
export function encodeClaimAnswer(answer: ClaimAnswer): Uint8Array {
  const { takerId, counter, contentHash, amount, choice, answeredAtMs } = answer
  const at = Math.floor(answeredAtMs / 1000)
  return encodeCbor([takerId, counter, contentHash, amount, CLAIM_CHOICES.indexOf(choice), at])
}

/** Nothing of it is verified. @throws MalformedCbor */
export function parseClaimAnswer(encoded: Uint8Array): SignedClaimAnswer {
  const sign1 = parseSign1(encoded)
  return { ...sign1, claims: readPayerHeader(sign1.header, 'claim_answer'), answer: answerOf(sign1.payload) }
}

function answerOf(payload: Uint8Array): ClaimAnswer {
  const [taker, counter, hash, amount, choice, at] = list(decodeCbor(payload), 'claim_answer', 6, 6)
  return {
    ...claimedPayment([taker, counter, hash, amount]),
    choice: oneOf(choice, 'claim_answer.choice', CLAIM_CHOICES),
    answeredAtMs: 1000 * uint(at, 'claim_answer.at', SECONDS_MAX),
  }
}
