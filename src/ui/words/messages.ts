import type { AuthorizationFault, EntryStatus, Guarantee, Money, NextStep } from '../../device/sdk/index.ts'
import type { PaymentType } from '../../protocol/payment.ts'
import type { Reason } from '../../protocol/states.ts'

export const LOCALES = ['fr', 'en', 'wo'] as const
export type Locale = (typeof LOCALES)[number]

/** A word for the badge, and a sentence that says where the money is. */
export interface StatusWords {
  readonly label: string
  readonly detail: string
}

/**
 * Everything the components say, in one language. A word for "paid" stands under `succeeded` alone: what waits is never
 * called paid, whoever has received it.
 */
export interface Messages {
  readonly statuses: Readonly<Record<EntryStatus, StatusWords>>
  readonly reasons: Readonly<Record<Reason, string>>
  /** What stands behind a payment while nothing is decided about it. */
  readonly guarantees: Readonly<Record<Guarantee, string>>
  /** Why what a payer's phone shows is not taken, and what to do now. */
  readonly faults: Readonly<Record<AuthorizationFault, string>>
  /** Of a payment that was voided on this device when the server had it. */
  readonly voidRefused: string
  /** Where the payment stands after an error. */
  readonly money: Readonly<Record<Money, string>>
  /** What to do after an error; empty when there is nothing to do. */
  readonly next: Readonly<Record<NextStep, string>>
  readonly limits: {
    readonly perPayment: (max: string) => string
    readonly perDay: (remaining: string, max: string) => string
    readonly countPerDay: (max: number) => string
  }
  /** What the button does, by what the payment is for. */
  readonly take: Readonly<Record<PaymentType, (amount: string) => string>>
  readonly button: {
    readonly taking: string
    readonly taken: string
    readonly takenOffline: string
    readonly takenOnline: string
    readonly another: string
  }
  readonly banner: {
    readonly region: string
    readonly opening: string
    readonly firstContact: string
    readonly online: string
    readonly offline: string
    /** Goes on after `offline`: nothing is lost meanwhile. */
    readonly kept: string
    readonly blocked: string
    readonly closed: string
    readonly syncing: string
    /** Payments that only this device knows. */
    readonly unsynced: (count: number) => string
    /** Whether there are any cannot be told. */
    readonly unknown: string
    /** Payments that the server has and that are not settled. */
    readonly waiting: (count: number) => string
    readonly damaged: (count: number) => string
    readonly parked: string
    readonly syncBefore: (time: string) => string
    readonly syncOverdue: string
  }
  readonly list: {
    readonly title: string
    readonly empty: string
    readonly more: (count: number) => string
    readonly payment: (counter: number) => string
    readonly from: (party: string) => string
    readonly to: (party: string) => string
  }
  readonly sync: {
    readonly title: string
    readonly now: string
    readonly running: string
    readonly progress: (sent: number, total: number) => string
    readonly done: string
    readonly unsynced: (count: number) => string
    readonly unsyncedUnknown: string
    readonly retryLater: string
    readonly stopped: string
    readonly last: (time: string) => string
    readonly never: string
  }
  readonly qr: {
    readonly bundle: { readonly label: string; readonly hint: string }
    readonly receipt: { readonly label: string; readonly hint: string }
    readonly part: (index: number, of: number) => string
    readonly pause: string
    readonly play: string
    readonly next: string
    readonly previous: string
  }
  /** What a screen reader is told when payments change, by what became of them. */
  readonly announce: Readonly<Record<EntryStatus, (count: number) => string>>
  /** Introduces an error's stable code, for whoever is asked for help. */
  readonly code: string
}
