import type { PaymentTerms } from '../../src/device/sdk/index.ts'

/** What a shop takes while it has no network. */
export const SHOP = 'W-SN-M000042'
export const CURRENCY = 'XOF'
export const SECONDS_BETWEEN_PAYMENTS = 95

/** Who pays: somebody else each time, or one person again and again. */
export type Payers = 'different' | 'one'

export function takings(count: number, payers: Payers): readonly PaymentTerms[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'merchant',
    method: index % 2 === 0 ? 'wallet' : 'qr',
    // 200 to 9 699 F CFA: three bytes as a number, and below what asks for the payer's own signature.
    amount: 200 + ((index * 7919) % 9500),
    currency: CURRENCY,
    sender: `+2217700${String(payers === 'one' ? 131 : index * 131).padStart(5, '0')}`,
    receiver: SHOP,
  }))
}
