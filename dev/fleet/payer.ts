import { compressKey } from '../../src/crypto/compressed-key.ts'
import { signDetached } from '../../src/crypto/sign1.ts'
import type { CryptoSuite, Signer } from '../../src/crypto/suite.ts'
import { authorizationTerms, type Covered, encodeAuthorizationHeader } from '../../src/protocol/authorization.ts'
import { type DeviceId, deviceId } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { Pass } from '../../src/protocol/pass.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { decodePaymentRequest, type PaymentAnswer } from '../../src/protocol/payment-request.ts'
import type { MarketDevice, MarketPayment } from '../market-day.ts'
import type { AllowanceCount } from './allowance-count.ts'
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

/** Gives a phone its pass: the edge, in a notice that the phone asks for (pass.ts). */
export type PassSource = (phone: PayerPhone, atMs: number) => Promise<Uint8Array>

type Terms = Pick<Payment, 'type' | 'receiver'> & { readonly amount: number; readonly currency?: string }

/** A customer's phone: confirms a payment that a merchant or agent takes, by signing its terms. */
export class PayerPhone extends Phone {
  readonly wallet: string
  /** The allowances that it was told of, by number, the newest last: what it signs, it counts under that. */
  readonly allowances = new Map<number, AllowanceCount>()
  readonly #passes: PassSource

  constructor(id: string, wallet: string, signer: Signer, suite: CryptoSuite, passes: PassSource) {
    super(id, signer, suite)
    this.wallet = wallet
    this.#passes = passes
  }

  get held(): AllowanceCount | undefined {
    return [...this.allowances.values()].at(-1)
  }

  /** @param request what a till shows @param atMs the phone's own clock */
  async answer(request: Uint8Array, atMs: number): Promise<PaymentAnswer> {
    const asked = decodePaymentRequest(request)
    return this.authorize(asked, { ...asked, atMs })
  }

  /** Signs what a till would ask: of its own wallet, unless a story wants another. */
  async authorize(
    { type, receiver, ...sum }: Terms,
    asked: {
      readonly takerId: string
      readonly atMs: number
      readonly requestId?: Uint8Array
      readonly sender?: string
      /** Whatever it has counted. */
      readonly covered?: Covered
    },
  ): Promise<PaymentAnswer> {
    const { takerId, atMs, requestId = crypto.getRandomValues(new Uint8Array(16)), sender = this.wallet } = asked
    const { held } = this
    const covered = asked.covered ?? (sender === this.wallet ? held?.next(sum.amount, atMs) : undefined)
    const header = encodeAuthorizationHeader({
      ...{ alg: this.signer.key.alg, signedAtMs: atMs, requestId },
      ...(covered && { covered }),
    })
    const terms = { type, receiver, sender, amount: amountMinor(sum.amount), currency: currency(sum.currency ?? 'XOF') }
    const signed = authorizationTerms(terms, deviceId(takerId), covered && held ? held.no : null)
    return {
      pass: await this.#passes(this, atMs),
      authorization: await signDetached(this.signer, header, signed, 'molam-payer-authorization-v1'),
    }
  }

  /** What a pass says of this phone. */
  passAt(atMs: number, over: Pick<Pass, 'paymentMax' | 'untilMs'>): Pass {
    const { held } = this
    return {
      ...{ wallet: this.wallet, deviceId: deviceId(this.deviceId) as DeviceId, fromMs: 1000 * Math.floor(atMs / 1000) },
      ...{ key: compressKey(this.signer.key) ?? new Uint8Array(), currency: currency('XOF'), level: 'none' },
      ...(held && { allowance: { no: held.no, ceiling: amountMinor(held.ceiling) } }),
      ...over,
    }
  }
}
