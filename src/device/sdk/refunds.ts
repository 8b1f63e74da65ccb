import { parseLocalId } from '../../protocol/ids.ts'
import { OfflineError } from './errors.ts'
import type { RefundTerms } from './payment-terms.ts'
import type { OfflinePayment } from './payment-view.ts'
import { statusOf } from './store/entry.ts'
import type { LocalDevice } from './store/local-device.ts'
import { refundableOf, refundedIn } from './store/refunded.ts'
import type { GivingUp } from './taking.ts'

/** How a payment is given back. */
export interface RefundOptions {
  /** Minor units; left out, all that is left of the payment. */
  readonly amount?: number
  /** The wallet that paid. Of a payment that another till of the shop took, and then with its amount: this one does not know it. */
  readonly payer?: string
  /** Of an `AbortController`: gives the refund up while it waits for its turn to be written. */
  readonly signal?: GivingUp
}

/** What came of it. */
export interface Refund {
  /** `voided`: the payment never left the device, and is none any more. `taken`: there is a refund, which is sent like any payment. */
  readonly kind: 'voided' | 'taken'
  /** The payment that was voided, or the refund. */
  readonly payment: OfflinePayment
}

/** @returns the terms of the refund, and the counter of the payment when it may be voided instead */
export function refundTerms(
  device: LocalDevice,
  localId: string,
  { amount, payer }: RefundOptions,
): { readonly terms: RefundTerms; readonly voids?: number } {
  const name = parseLocalId(localId)
  if (name === undefined) throw new OfflineError('no_such_payment')
  if (!device.hasState) throw new OfflineError('not_ready')
  const { ownerWallet, policy } = device.state
  const back = { type: 'refund', sender: ownerWallet } as const
  if (name.deviceId !== device.deviceId) {
    if (payer === undefined) throw new OfflineError('invalid_payment', { detail: 'payer' })
    if (amount === undefined) throw new OfflineError('invalid_payment', { detail: 'amount' })
    return { terms: { ...back, amount, currency: policy.currency, receiver: payer, refundOf: name } }
  }
  const { counter } = name
  const entry = device.journal.entry(counter)
  if (entry?.payment === undefined) throw new OfflineError('no_such_payment')
  const refunded = refundedIn(device.journal.entries).get(counter) ?? 0
  const left = refundableOf(entry, ownerWallet, refunded)
  const { sender: receiver, currency } = entry.payment
  // With nothing left the payment's own amount: whoever takes it is told why not.
  const terms = { ...back, amount: amount ?? (left || entry.payment.amount), currency, receiver, refundOf: { counter } }
  const isWhole = left > 0 && refunded === 0 && terms.amount === left
  return { terms, ...(isWhole && statusOf(entry) === 'pending_offline' && { voids: counter }) }
}
