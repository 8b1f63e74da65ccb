import type { Outcome } from '../../../protocol/notice.ts'
import type { Payment, PaymentEntry } from '../../../protocol/payment.ts'
import type { Verdict } from '../../../protocol/rules.ts'
import { isFinal, type PaymentStatus, statusOfDecision } from '../../../protocol/states.ts'
import type { OutcomeRecord } from './payment-record.ts'

/** A payment of the journal as it is held in memory; the records on disk are its truth. */
export interface Entry {
  readonly counter: number
  /** Undefined only for a payment that was voided because its record could not be read. */
  readonly payment: Payment | undefined
  readonly expected: Verdict
  readonly voided: boolean
  /** What the edge decided, from the verified admission of its bundle. */
  readonly admitted:
    | { readonly seq: number; readonly decision: Verdict['decision']; readonly reason?: string }
    | undefined
  /** From a verified notice. */
  readonly outcome: OutcomeRecord | undefined
}

/** An entry fresh from its record. */
export function newEntry(counter: number, terms: { payment: Payment; expected: Verdict } | undefined): Entry {
  return {
    counter,
    payment: terms?.payment,
    expected: terms?.expected ?? { decision: 'accepted' },
    voided: false,
    admitted: undefined,
    outcome: undefined,
  }
}

export type EntryStatus = PaymentStatus | 'voided'

/** A payment never looks further along than a verified admission allows, whatever outcome is known of its counter. */
export function statusOf(entry: Entry): EntryStatus {
  const { admitted, outcome } = entry
  if (voidHolds(entry)) return 'voided'
  if (admitted === undefined) return 'pending_offline'
  if (outcome !== undefined) return outcome.status
  return isCopy(admitted) ? 'pending' : statusOfDecision(admitted.decision)
}

/** An earlier bundle brought this payment already: that one decides, and only the copy in this one was refused. */
export const isCopy = ({ decision, reason }: { decision: Verdict['decision']; reason?: string }): boolean =>
  decision === 'refused' && reason === 'duplicate'

/** The edge refuses the void of a counter that it has as a payment: the payment stands, whatever was decided here. */
export const voidHolds = ({ voided, admitted }: Pick<Entry, 'voided' | 'admitted'>): boolean =>
  voided && !(admitted && isCopy(admitted))

/** Whether nothing more can happen to the payment, and the edge has acknowledged it. */
export const isDone = (entry: Entry): boolean => {
  const status = statusOf(entry)
  return entry.admitted !== undefined && (status === 'voided' || isFinal(status))
}

/** Whether not even a reversal can come. */
export const isSettled = (entry: Entry): boolean => isDone(entry) && statusOf(entry) !== 'succeeded'

export function toWire(entry: Entry): PaymentEntry {
  if (entry.voided) return { counter: entry.counter, voided: true }
  if (entry.payment === undefined) throw new Error('a payment without terms')
  return entry.payment
}

/**
 * Whether an outcome replaces the one that is known. Outcomes can come again and out of order: only a success yields
 * once it is final, to its reversal; any other yields to every final one and to those that are not older.
 */
export function replaces(known: OutcomeRecord | undefined, next: Outcome): boolean {
  if (next.status === 'refused' && next.reason === 'duplicate') return false
  if (known === undefined) return true
  if (isFinal(known.status)) return known.status === 'succeeded' && next.status === 'reversed'
  return isFinal(next.status) || next.atMs >= known.atMs
}
