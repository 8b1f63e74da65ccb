import { signSign1 } from '../../src/crypto/sign1.ts'
import type { PaymentTerms } from '../../src/device/sdk/index.ts'
import { authorizationTerms, encodeAuthorizationHeader } from '../../src/protocol/authorization.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { MarketDevice, MarketPayment } from '../market-day.ts'
import { Phone } from './phone.ts'

/**
 * Whether a payment of the market needs its payer's phone. Shops and agents have consent of their tenant for their devices, and
 * nobody speaks for a customer.
 */
export const asksForPhone = (
  { sender }: MarketPayment,
  { ownerWallet, kind }: Pick<MarketDevice, 'ownerWallet' | 'kind'>,
): boolean => sender !== ownerWallet || kind === 'customer'

/** Up to it the default policy lets a device take what its payer has not signed yet. */
const CLAIM_MAX = 10_000

/** Whether the payer may be asked later. */
export const mayBeClaimed = ({ amountMinor: amount, receiver, type }: MarketPayment, ownerWallet: string): boolean =>
  amount <= CLAIM_MAX && receiver === ownerWallet && type !== 'cashout'

/** A customer's phone: confirms a payment that a merchant or agent takes, by signing its terms. */
export class PayerPhone extends Phone {
  async authorize(terms: PaymentTerms): Promise<Uint8Array> {
    const nonce = crypto.getRandomValues(new Uint8Array(16))
    const header = encodeAuthorizationHeader({ ...(await this.signing()), nonce })
    const { type, sender, receiver } = terms
    const signed = { type, amount: amountMinor(terms.amount), currency: currency(terms.currency), sender, receiver }
    return signSign1(this.signer, header, authorizationTerms(signed), 'molam-payer-authorization-v1')
  }
}
