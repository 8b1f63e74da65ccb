import { type CborValue, MalformedCbor } from './cbor.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { AMOUNT_MAX, COUNTER_MAX, DATE_MS_MAX, NONCE_BYTES, PARTY_CHARS_MAX } from './limits.ts'
import { type AmountMinor, amountMinor, type Currency } from './money.ts'
import { PAYMENT_TYPES, type PaymentType } from './payment.ts'
import { bytes, currencyCode, list, oneOf, positive, text, uint } from './shape.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from './states.ts'

/**
 * A payment out of a wallet that its holder gave a word for: a signature to a till's request, or a yes to a claim. It was recorded by
 * a till, so what became of it its holder is told.
 */
export interface Debit {
  /** The device that recorded the payment, and the payment's number there. */
  readonly takerId: DeviceId
  readonly counter: number
  /** The taker's request that a phone of the holder signed; of a confirmed claim there is no request. */
  readonly requestId?: Uint8Array
  readonly type: PaymentType
  readonly amount: AmountMinor
  readonly currency: Currency
  /** The wallet that gets the money. */
  readonly receiver: string
  /** By the taker's clock. */
  readonly initiatedAtMs: number
  /** As it stands in the book, and since when by the book's clock. */
  readonly status: DebitStatus
  readonly statusAtMs: number
  readonly reason?: string
}

/** What a payment may be once the book has its payer's word. */
export const DEBIT_STATUSES = [
  'succeeded',
  'failed',
  'review',
  'quarantined',
  'reversed',
] as const satisfies PaymentStatus[]
export type DebitStatus = (typeof DEBIT_STATUSES)[number]

export function debitToCbor(debit: Debit): CborValue {
  const { takerId, counter, requestId, type, amount, currency, receiver, initiatedAtMs, reason } = debit
  const about = [takerId, counter, requestId ?? null, PAYMENT_TYPES.indexOf(type), amount, currency, receiver]
  const fields = [...about, initiatedAtMs, PAYMENT_STATUSES.indexOf(debit.status), debit.statusAtMs]
  return reason === undefined ? fields : [...fields, reason]
}

/** @throws MalformedCbor */
export function debitFromCbor(value: CborValue): Debit {
  const fields = list(value, 'debit', 10, 11)
  const [taker, counter, request, type, amount, unit, receiver, initiatedAt, status, at, reason] = fields
  if (!isDeviceId(taker)) throw new MalformedCbor('debit.taker')
  return {
    takerId: taker,
    counter: positive(counter, 'debit.counter', COUNTER_MAX),
    ...(request !== null && { requestId: bytes(request, 'debit.request_id', NONCE_BYTES) }),
    type: oneOf(type, 'debit.type', PAYMENT_TYPES),
    amount: amountMinor(positive(amount, 'debit.amount', AMOUNT_MAX)),
    currency: currencyCode(unit, 'debit.currency'),
    receiver: text(receiver, 'debit.receiver', PARTY_CHARS_MAX),
    initiatedAtMs: uint(initiatedAt, 'debit.initiated_at', DATE_MS_MAX),
    status: debitStatus(status),
    statusAtMs: uint(at, 'debit.status_at', DATE_MS_MAX),
    ...(reason !== undefined && { reason: text(reason, 'debit.reason', 64) }),
  }
}

function debitStatus(value: CborValue | undefined): DebitStatus {
  const status = oneOf(value, 'debit.status', PAYMENT_STATUSES)
  const known = DEBIT_STATUSES.find((one) => one === status)
  if (known === undefined) throw new MalformedCbor('debit.status')
  return known
}
