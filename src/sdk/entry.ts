import type { Outcome } from '../protocol/notice.ts'
import type { Payment, PaymentEntry } from '../protocol/payment.ts'
import type { Verdict } from '../protocol/rules.ts'
import { isFinal, type PaymentStatus, statusOfDecision } from '../protocol/states.ts'
import type { OutcomeRecord } from './payment-record.ts'

/** A payment of the journal as it is held in memory; the records on disk are its truth. */
export interface Entry {
  readonly counter: number
  /** Undefined only for a payment that was voided because its record could not be read. */
  readonly payment: Payment | undefined
  readonly expected: Verdict
  readonly voided: boolean
  /** Put into a bundle, which may have been sent. */
  readonly bundled: boolean
  /** What the edge decided, from the verified admission of its bundle. */
  readonly admitted: { readonly seq: number; readonly decision: Verdict['decision']; readonly reason?: string } | undefined
  /** From a verified notice. */
  readonly outcome: OutcomeRecord | undefined
}

export type EntryStatus = PaymentStatus | 'voided'

/** A payment never looks further along than a verified admission allows, whatever outcome is known of its counter. */
export function statusOf(entry: Entry): EntryStatus {
  if (entry.voided) return 'voided'
  if (entry.admitted === undefined) return 'pending_offline'
  return entry.outcome?.status ?? statusOfDecision(entry.admitted.decision)
}

/** Whether nothing more can happen to the payment, and the edge has acknowledged it. */
export const isDone = (entry: Entry): boolean => {
  const status = statusOf(entry)
  return entry.admitted !== undefined && (status === 'voided' || isFinal(status))
}

export function toWire(entry: Entry): PaymentEntry {
  if (entry.voided) return { counter: entry.counter, voided: true }
  if (entry.payment === undefined) throw new Error('a payment without terms')
  return entry.payment
}

/**
 * Whether an outcome replaces the one that is known. Outcomes can come again and out of order: a final one yields only
 * to a later final one (a reversal), any other to every final one and to those that are not older.
 */
export function replaces(known: OutcomeRecord | undefined, next: Outcome): boolean {
  if (known === undefined) return true
  if (isFinal(known.status)) return isFinal(next.status) && next.atMs > known.atMs
  return isFinal(next.status) || next.atMs >= known.atMs
}
