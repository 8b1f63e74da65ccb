import type { DeviceId } from './ids.ts'
import type { AmountMinor, Currency } from './money.ts'

/** What a payment is for; the index is its number on the wire. The sender is debited, the receiver credited, always. */
export const PAYMENT_TYPES = ['p2p', 'merchant', 'cashin', 'cashout', 'agent', 'refund'] as const
export type PaymentType = (typeof PAYMENT_TYPES)[number]

/** How the payer was identified; the index is its number on the wire. */
export const PAYMENT_METHODS = ['wallet', 'qr', 'ussd'] as const
export type PaymentMethod = (typeof PAYMENT_METHODS)[number]

export type MetaValue = string | number | boolean
export type Meta = Readonly<Record<string, MetaValue>>

/** A payment that a refund gives back, by whichever device took it. */
export interface PaymentName {
  /** Left out when it is the very device that records the refund, and then only. */
  readonly deviceId?: DeviceId
  readonly counter: number
}

/** One payment as a device recorded it. Its identity is `(device_id, counter)`. */
export interface Payment {
  /** 1, 2, 3 … per device; given by the same storage write that records the payment. */
  readonly counter: number
  readonly type: PaymentType
  readonly method: PaymentMethod
  readonly amount: AmountMinor
  readonly currency: Currency
  /** Wallet that is debited. */
  readonly sender: string
  /** Wallet that is credited. */
  readonly receiver: string
  /** UTC milliseconds, whole seconds: the device's clock corrected by the offset it knows. */
  readonly initiatedAtMs: number
  readonly merchantId?: string
  /** An agent's own COSE_Sign1 over the payment and the device that takes it (see approval.ts). */
  readonly approval?: Uint8Array
  /** The payer's own COSE_Sign1 over the payment (see authorization.ts), and the pass that says whose it is (pass.ts). */
  readonly authorization?: Uint8Array
  readonly pass?: Uint8Array
  readonly meta?: Meta
  /** Of a refund, and of nothing else: the payment that it gives back, whole or in part (see refunds.ts). */
  readonly refundOf?: PaymentName
}

/** A counter whose payment was voided on the device before it was ever sent. */
export interface Voided {
  readonly counter: number
  readonly voided: true
}

/** An entry that was read: it has the form of a payment, and a value in it that no payment has. It is refused alone. */
export interface InvalidPayment {
  readonly counter: number
  /** The field. */
  readonly fault: string
}

export type PaymentEntry = Payment | Voided | InvalidPayment

export const isVoided = (entry: PaymentEntry): entry is Voided => 'voided' in entry
export const isInvalid = (entry: PaymentEntry): entry is InvalidPayment => 'fault' in entry
export const isPayment = (entry: PaymentEntry): entry is Payment => !isVoided(entry) && !isInvalid(entry)

/** The payments of a bundle: neither what was voided nor what is invalid. */
export const paymentsIn = ({ entries }: { readonly entries: readonly PaymentEntry[] }): readonly Payment[] =>
  entries.filter(isPayment)
