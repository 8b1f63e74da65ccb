import { type CborValue, MalformedCbor } from './cbor.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { AMOUNT_MAX, COUNTER_MAX, PARTY_CHARS_MAX } from './limits.ts'
import { type AmountMinor, amountMinor, type Currency } from './money.ts'
import { PAYMENT_TYPES, type PaymentType } from './payment.ts'
import { currencyCode, list, oneOf, positive, text, uint } from './shape.ts'

/** A payment out of a wallet that its holder's mandate had room for: nobody was asked, so the holder is told. */
export interface MandatedDebit {
  /** The device that recorded the payment, and the payment's number there. */
  readonly takerId: DeviceId
  readonly counter: number
  readonly type: PaymentType
  readonly amount: AmountMinor
  readonly currency: Currency
  /** The wallet that got the money. */
  readonly receiver: string
  /** By the taker's clock, and by the book's. */
  readonly initiatedAtMs: number
  readonly postedAtMs: number
}

export function mandatedToCbor(debit: MandatedDebit): CborValue {
  const { takerId, counter, type, amount, receiver, initiatedAtMs, postedAtMs } = debit
  const fields = [takerId, counter, PAYMENT_TYPES.indexOf(type), amount, debit.currency, receiver]
  return [...fields, initiatedAtMs, postedAtMs]
}

/** @throws MalformedCbor */
export function mandatedFromCbor(value: CborValue): MandatedDebit {
  const [taker, counter, type, amount, unit, receiver, initiatedAt, postedAt] = list(value, 'mandated', 8, 8)
  if (!isDeviceId(taker)) throw new MalformedCbor('mandated.taker')
  return {
    takerId: taker,
    counter: positive(counter, 'mandated.counter', COUNTER_MAX),
    type: oneOf(type, 'mandated.type', PAYMENT_TYPES),
    amount: amountMinor(positive(amount, 'mandated.amount', AMOUNT_MAX)),
    currency: currencyCode(unit, 'mandated.currency'),
    receiver: text(receiver, 'mandated.receiver', PARTY_CHARS_MAX),
    initiatedAtMs: uint(initiatedAt, 'mandated.initiated_at'),
    postedAtMs: uint(postedAt, 'mandated.posted_at'),
  }
}
