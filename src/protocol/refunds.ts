import { type CborValue, MalformedCbor } from './cbor.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { COUNTER_MAX } from './limits.ts'
import type { Payment, PaymentName } from './payment.ts'
import { list, positive } from './shape.ts'

/**
 * A refund is a payment of its own, out of the wallet that was paid to the wallet that paid, which names the payment that it gives
 * back. Here stands what can be said of it by itself; that the named payment was paid, between these wallets, and that all refunds
 * of it together are at most its amount, the book says in the transaction that posts.
 */
export const isRefund = ({ type }: Pick<Payment, 'type'>): boolean => type === 'refund'

/** The payment that a refund gives back; undefined for every other payment. @param takerId the device that records it */
export function refundedBy(
  { refundOf }: Pick<Payment, 'refundOf'>,
  takerId: DeviceId,
): Required<PaymentName> | undefined {
  return refundOf && { deviceId: refundOf.deviceId ?? takerId, counter: refundOf.counter }
}

/**
 * Whether it could be a refund at all. Only what came into the owner's wallet is given back, and a device gives back what it has
 * taken before; that it took the payment itself is written in one way.
 */
export function mayBeRefund(
  { counter, sender, refundOf }: Payment,
  { takerId, ownerWallet }: { readonly takerId: DeviceId; readonly ownerWallet: string },
): boolean {
  if (refundOf === undefined || sender !== ownerWallet) return false
  return refundOf.deviceId === undefined ? refundOf.counter < counter : refundOf.deviceId !== takerId
}

/** `[device_id, counter]`, or the counter alone when the same device took the payment. */
export function encodePaymentName({ deviceId, counter }: PaymentName): CborValue {
  return deviceId === undefined ? counter : [deviceId, counter]
}

/** @throws MalformedCbor */
export function decodePaymentName(value: CborValue | undefined): PaymentName {
  if (!Array.isArray(value)) return { counter: positive(value, 'refund_of', COUNTER_MAX) }
  const [deviceId, counter] = list(value, 'refund_of', 2, 2)
  if (!isDeviceId(deviceId)) throw new MalformedCbor('refund_of')
  return { deviceId, counter: positive(counter, 'refund_of', COUNTER_MAX) }
}
