import { authorizationOf } from './authorization.ts'
import type { Payment } from './payment.ts'

/**
 * What stands behind a payment, as its taker is shown. `signed`: the word of the debited wallet's holder, who signed the
 * payment or took it on a device of his own. `claimed`: nobody's word but the taker's; the holder is asked, and until he
 * has said yes nothing moves. Whether a signature holds is looked at by whoever knows the payer's key.
 */
export type Guarantee = 'signed' | 'claimed'

/**
 * @param ownerWallet of the device that took it; undefined where that is not known
 * @example
 * guaranteeOf({ ...payment, sender: 'shop-12' }, 'shop-12') // 'signed': the shop's own device pays out of the shop's wallet
 */
export function guaranteeOf(payment: Payment, ownerWallet: string | undefined): Guarantee {
  return payment.sender === ownerWallet || authorizationOf(payment) !== undefined ? 'signed' : 'claimed'
}
