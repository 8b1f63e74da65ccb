import { decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { parseSign1, type Sign1 } from './cose.ts'
import { AMOUNT_MAX, PARTY_CHARS_MAX, SECONDS_MAX } from './limits.ts'
import type { Currency } from './money.ts'
import { type PayerHeader, readPayerHeader } from './payer-header.ts'
import type { Policy } from './policy.ts'
import { currencyCode, list, positive, text, uint } from './shape.ts'

/**
 * A mandate is the holder's standing word for small debits that nobody signs. A device of the wallet that may pay signs it; the
 * newest of a wallet counts, and a mandate of 0 ends what was before. Without a mandate every such payment is a claim.
 */
export interface Mandate {
  readonly wallet: string
  readonly currency: Currency
  /** Of one payment, and of all payments of a calendar day of the book's clock, over all devices; minor units. */
  readonly paymentMax: number
  readonly dayMax: number
  /** From then on it gives nothing; a whole second. */
  readonly untilMs: number
  /** Grows with each mandate of the device, so that what was signed before cannot come back; not above the time, in ms. */
  readonly no: number
}

export interface SignedMandate extends Sign1 {
  /** Who signed it. */
  readonly claims: PayerHeader
  readonly mandate: Mandate
}

/** Whether the policy of the holder's country lets a mandate give as much. One that gives nothing is always let. */
export const isWithinPolicy = (
  { paymentMax, dayMax }: Pick<Mandate, 'paymentMax' | 'dayMax'>,
  { mandatePaymentMax, mandateDayMax }: Pick<Policy, 'mandatePaymentMax' | 'mandateDayMax'>,
): boolean => paymentMax <= mandatePaymentMax && dayMax <= mandateDayMax

/** The payload of the COSE_Sign1 with `external_aad` `molam-mandate-v1` (docs/protocol.md §5.2). */
export function encodeMandate({ wallet, currency: unit, paymentMax, dayMax, untilMs, no }: Mandate): Uint8Array {
  return encodeCbor([wallet, unit, paymentMax, dayMax, Math.floor(untilMs / 1000), no])
}

/** Nothing of it is verified. @throws MalformedCbor, also when a payment may be more than a day */
export function parseMandate(encoded: Uint8Array): SignedMandate {
  const sign1 = parseSign1(encoded)
  return { ...sign1, claims: readPayerHeader(sign1.header, 'mandate'), mandate: mandateOf(sign1.payload) }
}

function mandateOf(payload: Uint8Array): Mandate {
  const [wallet, unit, paymentMax, dayMax, until, no] = list(decodeCbor(payload), 'mandate', 6, 6)
  const mandate = {
    wallet: text(wallet, 'mandate.wallet', PARTY_CHARS_MAX),
    currency: currencyCode(unit, 'mandate.currency'),
    paymentMax: uint(paymentMax, 'mandate.payment_max', AMOUNT_MAX),
    dayMax: uint(dayMax, 'mandate.day_max', AMOUNT_MAX),
    untilMs: 1000 * uint(until, 'mandate.until', SECONDS_MAX),
    no: positive(no, 'mandate.no'),
  }
  if (mandate.paymentMax > mandate.dayMax) throw new MalformedCbor('mandate.payment_max')
  return mandate
}
