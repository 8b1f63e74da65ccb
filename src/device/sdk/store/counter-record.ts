import type { Payment } from '../../../protocol/payment.ts'
import type { Verdict } from '../../../protocol/rules.ts'
import { type Entry, newEntry } from './entry.ts'
import { decodePayment, type OutcomeRecord } from './payment-record.ts'
import type { Records, Stored } from './records.ts'

/**
 * A counter whose record cannot be used. It is never sent and never given out again; a person decides.
 *
 * - `unreadable`: the record does not check out. Nobody can prove that the payer was not told "paid".
 * - `newer`: a later version of the app wrote the record, and an update will read it.
 * - `locked`: the record is sealed with another key than the rest of the storage.
 * - `absent`: the counter is used up and there is no record: the store lost it, or a copy of this device used it.
 * - `void_unreadable`: the payment is whole, and whether it was voided cannot be read.
 */
export interface DamagedRecord {
  readonly counter: number
  readonly kind: 'unreadable' | 'newer' | 'locked' | 'absent' | 'void_unreadable'
  /** The edge has acknowledged the payment: only the copy here is lost. */
  readonly receipted: boolean
  /** A person has looked at it: it is kept, and nothing waits for it. */
  readonly dismissed?: boolean
  /** The record's text as it stands, which stays where it is. */
  readonly raw?: string
}

export const paymentKey = (counter: number): string => `payment/${counter}`
export const voidKey = (counter: number): string => `void/${counter}`
export const dismissedKey = (counter: number): string => `dismissed/${counter}`
export const outcomeKey = (counter: number): string => `outcome/${counter}`

/** @returns the counter that one of these keys names */
export const counterOf = (key: string): number => Number(key.slice(key.indexOf('/') + 1))

/** What stands under a counter: a payment, or something that is none. */
export interface CounterRecord {
  readonly entry?: Entry
  readonly damaged?: DamagedRecord
  /** Whether there is any record of this counter. */
  readonly exists: boolean
  /** The outcome cannot be read: it has to be asked for again. */
  readonly outcomeLost: boolean
  /** Something here is sealed with another key. */
  readonly locked: boolean
}

export async function readCounter(records: Records, counter: number): Promise<CounterRecord> {
  const [payment, voided, outcome] = await Promise.all([
    records.read(paymentKey(counter)),
    records.read(voidKey(counter)),
    records.read(outcomeKey(counter)),
  ])
  const found = {
    exists: payment.kind !== 'absent' || voided.kind !== 'absent',
    outcomeLost: outcome.kind !== 'absent' && outcome.kind !== 'whole',
    locked: [payment, voided, outcome].some(({ kind }) => kind === 'locked'),
  }
  const damaged = async (kind: DamagedRecord['kind'], raw?: string) => {
    const isDismissed = raw !== undefined && (await records.read(dismissedKey(counter))).kind === 'whole'
    const rest = { ...(raw !== undefined && { raw }), ...(isDismissed && { dismissed: true }) }
    return { ...found, damaged: { counter, kind, receipted: false, ...rest } }
  }
  if (voided.kind !== 'absent' && voided.kind !== 'whole') return damaged('void_unreadable', voided.raw)
  const terms = termsOf(payment)
  if (terms === undefined && voided.kind === 'absent') {
    if (payment.kind === 'absent') return damaged('absent')
    // Whole, and not understood: a later version wrote it.
    if (payment.kind === 'whole') return damaged('newer', JSON.stringify(payment.body))
    return damaged(payment.kind === 'damaged' ? 'unreadable' : payment.kind, payment.raw)
  }
  const entry: Entry = {
    ...newEntry(counter, terms),
    voided: voided.kind === 'whole',
    outcome: outcome.kind === 'whole' ? (outcome.body as OutcomeRecord) : undefined,
  }
  return { ...found, entry }
}

const termsOf = (payment: Stored): { payment: Payment; expected: Verdict } | undefined =>
  payment.kind === 'whole' ? decodePayment(payment.body) : undefined
