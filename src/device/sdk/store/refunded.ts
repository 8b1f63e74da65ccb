import type { Payment } from '../../../protocol/payment.ts'
import { OfflineError } from '../errors.ts'
import { type Entry, statusOf } from './entry.ts'

/** A refund that gives nothing back, and leaves its room to others. */
const GAVE_NOTHING: ReadonlySet<string> = new Set(['voided', 'failed', 'refused', 'reversed'])

/** What refunds of this device give back of its own payments, by their counters: those that are under way too. */
export function refundedIn(entries: readonly Entry[]): ReadonlyMap<number, number> {
  const sums = new Map<number, number>()
  for (const entry of entries) {
    const { refundOf, amount = 0 } = entry.payment ?? {}
    if (refundOf === undefined || refundOf.deviceId !== undefined || GAVE_NOTHING.has(statusOf(entry))) continue
    sums.set(refundOf.counter, (sums.get(refundOf.counter) ?? 0) + amount)
  }
  return sums
}

/**
 * What may be given back of a payment, minor units: what was paid to the owner's wallet, or is on its way and only its sync is
 * missing, less what was given back. Of what waits for people or for its payer nothing yet: it is not paid.
 *
 * @param refunded by refunds of this device
 */
export function refundableOf(entry: Entry, ownerWallet: string | undefined, refunded: number): number {
  const { payment, expected } = entry
  if (payment === undefined || payment.type === 'refund' || payment.receiver !== ownerWallet) return 0
  const status = statusOf(entry)
  const isUnderWay = status === 'pending' || (status === 'pending_offline' && expected.decision === 'accepted')
  const canBeVoided = status === 'pending_offline' && refunded === 0
  return status === 'succeeded' || isUnderWay || canBeVoided ? Math.max(0, payment.amount - refunded) : 0
}

/**
 * Under the lock, where nothing else can be given back of it meanwhile.
 *
 * @throws OfflineError `refused` as `refund_not_possible` or `refund_above_payment`
 */
export function assertRefundable(
  { refundOf, sender, receiver, amount, currency }: Payment,
  entries: readonly Entry[],
): void {
  if (refundOf === undefined || refundOf.deviceId !== undefined) return
  const entry = entries.find(({ counter }) => counter === refundOf.counter)
  const paid = entry?.payment
  const isSameWay = paid?.sender === receiver && paid.receiver === sender && paid.currency === currency
  if (entry === undefined || !isSameWay) throw new OfflineError('refused', { reason: 'refund_not_possible' })
  const left = refundableOf(entry, sender, refundedIn(entries).get(entry.counter) ?? 0)
  if (left === 0 || isExpectedToWait(entry)) {
    const isGiven = statusOf(entry) !== 'voided' && (refundedIn(entries).get(entry.counter) ?? 0) > 0
    throw new OfflineError('refused', { reason: isGiven ? 'refund_above_payment' : 'refund_not_possible' })
  }
  if (amount > left) throw new OfflineError('refused', { reason: 'refund_above_payment' })
}

/** It would be voided, and not refunded: nobody has paid it yet. */
const isExpectedToWait = (entry: Entry) =>
  statusOf(entry) === 'pending_offline' && entry.expected.decision !== 'accepted'
