import type { PaymentName } from '../../src/protocol/payment.ts'
import { counterKey, type ModelState, type PaymentRow } from './state.ts'

type Name = Required<PaymentName>

export const paidFor = ({ payments }: ModelState, { deviceId, counter }: Name): PaymentRow | undefined =>
  payments.get(counterKey(deviceId, counter))

const isWaiting = ({ status }: PaymentRow) => status === 'review' || status === 'quarantined' || status === 'claimed'

/** What refunds that stand have given back of a payment. */
export function refundedMinor({ payments }: ModelState, deviceId: string, counter: number): number {
  const of = ({ refunds }: PaymentRow) => refunds?.deviceId === deviceId && refunds.counter === counter
  return [...payments.values()]
    .filter((row) => row.status === 'succeeded' && of(row))
    .reduce((sum, { payment }) => sum + payment.amount, 0)
}

/** @returns why a refund cannot be posted now, and whether what it gives back may still be paid */
export function refundFault(
  state: ModelState,
  { payment, refunds }: Pick<PaymentRow, 'refunds'> & { readonly payment: Omit<PaymentRow['payment'], 'counter'> },
): { readonly reason: string; readonly mayCome: boolean } | undefined {
  if (refunds === undefined) return undefined
  const paid = paidFor(state, refunds)
  if (paid === undefined) return { reason: 'refund_not_possible', mayCome: !isVoided(state, refunds) }
  const isSameWay =
    paid.payment.sender === payment.receiver &&
    paid.payment.receiver === payment.sender &&
    paid.payment.currency === payment.currency
  if (!isSameWay || paid.refunds !== undefined) return { reason: 'refund_not_possible', mayCome: false }
  if (paid.status !== 'succeeded') return { reason: 'refund_not_possible', mayCome: isWaiting(paid) }
  const isAbove = refundedMinor(state, refunds.deviceId, refunds.counter) + payment.amount > paid.payment.amount
  return isAbove ? { reason: 'refund_above_payment', mayCome: false } : undefined
}

export const isVoided = ({ bundles }: ModelState, { deviceId, counter }: Name): boolean =>
  [...bundles.values()].some((row) => row.deviceId === deviceId && row.voids.includes(counter))

/** Whether what an approved refund gives back waits itself. */
export function awaitsItsPayment(state: ModelState, { refunds }: PaymentRow): boolean {
  const paid = refunds && paidFor(state, refunds)
  return paid !== undefined && paid.refunds === undefined && isWaiting(paid)
}

/** What a reversal gives back: what refunds have left of a payment; of a refund nothing once its payment was reversed. */
export function leftMinor(state: ModelState, { deviceId, payment, refunds }: PaymentRow): number {
  if (refunds !== undefined && paidFor(state, refunds)?.status === 'reversed') return 0
  return payment.amount - refundedMinor(state, deviceId, payment.counter)
}
