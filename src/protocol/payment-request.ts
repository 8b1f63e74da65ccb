import { decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { AUTHORIZATION_BYTES_MAX, NONCE_BYTES, PASS_BYTES_MAX, PAYMENT_REQUEST_BYTES_MAX } from './limits.ts'
import { type AmountMinor, amountMinor, type Currency } from './money.ts'
import { partyFromCbor } from './party.ts'
import { PAYMENT_TYPES, type PaymentType } from './payment.ts'
import { bytes, currencyCode, list, oneOf, positive } from './shape.ts'
import { compactId } from './uuid.ts'

/**
 * What a taker shows a payer's phone (docs/protocol.md §5.5). Nobody has signed it: the phone shows its person what it says, and signs
 * that and nothing else.
 */
export interface PaymentRequest {
  /** What is given back is the word of whoever was paid, on his own till. */
  readonly type: Exclude<PaymentType, 'refund'>
  readonly amount: AmountMinor
  readonly currency: Currency
  /** Wallet that is credited. */
  readonly receiver: string
  /** The device that takes the payment. */
  readonly takerId: DeviceId
  /** 16 random bytes: a request is good for one payment. */
  readonly requestId: Uint8Array
}

/** What the phone shows in return. */
export interface PaymentAnswer {
  readonly pass: Uint8Array
  readonly authorization: Uint8Array
}

export function encodePaymentRequest(request: PaymentRequest): Uint8Array {
  const { type, amount, currency, receiver, takerId, requestId } = request
  return encodeCbor([PAYMENT_TYPES.indexOf(type), amount, currency, compactId(receiver), takerId, requestId])
}

/** @throws MalformedCbor */
export function decodePaymentRequest(encoded: Uint8Array): PaymentRequest {
  const fields = list(decodeCbor(encoded, PAYMENT_REQUEST_BYTES_MAX), 'payment_request', 6, 6)
  const [type, amount, currency, receiver, takerId, requestId] = fields
  const asked = oneOf(type, 'payment_request.type', PAYMENT_TYPES)
  if (asked === 'refund') throw new MalformedCbor('payment_request.type')
  if (!isDeviceId(takerId)) throw new MalformedCbor('payment_request.device_id')
  return {
    type: asked,
    amount: amountMinor(positive(amount, 'payment_request.amount')),
    currency: currencyCode(currency, 'payment_request.currency'),
    receiver: partyFromCbor(receiver, 'payment_request.receiver'),
    takerId,
    requestId: bytes(requestId, 'payment_request.id', NONCE_BYTES),
  }
}

export const encodePaymentAnswer = ({ pass, authorization }: PaymentAnswer): Uint8Array =>
  encodeCbor([pass, authorization])

/** Nothing of either is read. @throws MalformedCbor */
export function decodePaymentAnswer(encoded: Uint8Array): PaymentAnswer {
  const room = PASS_BYTES_MAX + AUTHORIZATION_BYTES_MAX + 16
  const [pass, authorization] = list(decodeCbor(encoded, room), 'payment_answer', 2, 2)
  return {
    pass: bytes(pass, 'payment_answer.pass', { max: PASS_BYTES_MAX }),
    authorization: bytes(authorization, 'payment_answer.authorization', { max: AUTHORIZATION_BYTES_MAX }),
  }
}
