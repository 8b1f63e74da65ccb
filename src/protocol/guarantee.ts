import { authorizationOf } from './authorization.ts'
import type { DeviceId } from './ids.ts'
import type { Payment } from './payment.ts'

/**
 * What stands behind a payment, as its taker is shown. `covered`: the payer's signature, and money that the book holds for it.
 * `signed`: the word of the debited wallet's holder, who signed the payment or took it on a device of his own; whether the money is
 * there the book will say. `claimed`: nobody's word but the taker's; the holder is asked, and until he has said yes nothing moves.
 * Whether signatures hold is looked at by whoever knows the keys.
 */
export type Guarantee = 'covered' | 'signed' | 'claimed'

/** The device that took it. */
export interface TakenBy {
  readonly takerId: DeviceId
  /** undefined where that is not known */
  readonly ownerWallet: string | undefined
}

/**
 * @example
 * guaranteeOf({ ...payment, sender: 'shop-12' }, { takerId, ownerWallet: 'shop-12' }) // 'signed': the shop's own device pays
 */
export function guaranteeOf(payment: Payment, { takerId, ownerWallet }: TakenBy): Guarantee {
  const authorization = authorizationOf(payment, takerId)
  if (authorization?.claims.covered !== undefined) return 'covered'
  return payment.sender === ownerWallet || authorization !== undefined ? 'signed' : 'claimed'
}
