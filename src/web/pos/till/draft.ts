import type { OfflinePayment, PaymentTerms, Profile } from '../../../device/sdk/index.ts'
import type { Payment, PaymentMethod } from '../../../protocol/payment.ts'
import type { Policy } from '../../../protocol/policy.ts'
import { canonicalWallet, type WalletFault } from '../../../protocol/wallet.ts'
import type { Keyed } from '../../shared/pad/amount.ts'
import { readApproval } from '../approval.ts'

/** A payment while it is typed. */
export interface Draft extends Keyed {
  /** As it was typed or scanned. */
  readonly payer: string
  readonly method: PaymentMethod
  /** An agent's signed approval as it was scanned. */
  readonly approval: string
  /** The person said that it is not the same payment once more. */
  readonly another: boolean
}

export const EMPTY: Draft = { digits: '', payer: '', method: 'wallet', approval: '', another: false }

/** A payment that looks like this one so short a time ago may be the same one. */
const AGAIN_WITHIN_MS = 120_000

/**
 * - `no_payer`, `no_approval`: not given yet
 * - `needs_phone`: so much is paid by the customer's own phone alone
 * - `approval`: something else than that
 * - a fault of the payer's wallet
 */
export type Problem = PayerProblem | 'needs_phone' | 'no_approval' | 'approval' | 'again'
export type PayerProblem = 'no_payer' | 'own_wallet' | Exclude<WalletFault, 'empty'>

/** What must be given before the payment can be taken, by the rules that the SDK and the edge apply. */
export function needs(draft: Draft, { policy }: Profile): { readonly phone: boolean; readonly approval: boolean } {
  const amount = Number(draft.digits)
  return { phone: amount > policy.requirePayerProofAbove, approval: amount > policy.requireAgentApprovalAbove }
}

/**
 * All that keeps the draft from being taken, besides its amount (readiness.ts). These are for the person's eyes; the SDK
 * judges once more, and its word holds.
 *
 * @param before the last payment like it, if any
 * @param request what an agent is shown for it
 */
export function problemsOf(
  draft: Draft,
  shop: Profile,
  before: OfflinePayment | undefined,
  request?: Uint8Array,
): ReadonlySet<Problem> {
  const [needed, payer] = [needs(draft, shop), payerProblem(draft, shop)]
  const found = [
    payer,
    needed.phone && ('needs_phone' as const),
    needed.approval && draft.approval.trim() === '' && ('no_approval' as const),
    needed.approval && payer === undefined && !isApproval(draft, request) && ('approval' as const),
    before && !draft.another && ('again' as const),
  ]
  return new Set(found.filter((problem) => typeof problem === 'string'))
}

/** What is wrong with who pays; undefined for a wallet. */
export function payerProblem(draft: Draft, shop: Profile): PayerProblem | undefined {
  const payer = payerOf(draft, shop)
  if (!payer.ok) return payer.error === 'empty' ? 'no_payer' : payer.error
  const own = canonicalWallet(shop.ownerWallet, shop.policy.country)
  return own.ok && own.value === payer.value ? 'own_wallet' : undefined
}

/** The payer's wallet in its one form: a number without calling code is one of the shop's country. */
export const payerOf = ({ payer }: Draft, { policy }: Profile) => canonicalWallet(payer, policy.country)

/** An empty one is missing, and not wrong. */
const isApproval = ({ approval }: Draft, request: Uint8Array | undefined): boolean =>
  approval.trim() === '' || (request !== undefined && readApproval(approval, request) !== undefined)

/** The same customer, the same amount, a moment ago, and money may move for it. */
export function paymentLike(
  draft: Draft,
  shop: Profile,
  payments: readonly OfflinePayment[],
  nowMs: number,
): OfflinePayment | undefined {
  const payer = payerOf(draft, shop)
  if (!payer.ok) return undefined
  const alike = payments.filter(
    ({ sender, amount, status, initiatedAtMs }) =>
      sender === payer.value &&
      amount === Number(draft.digits) &&
      nowMs - initiatedAtMs < AGAIN_WITHIN_MS &&
      status !== 'voided' &&
      status !== 'refused' &&
      status !== 'failed',
  )
  return alike.at(-1)
}

/** The method that was chosen; the first that the policy allows, until one of those is. */
export function methodOf({ method }: Draft, { allowedMethods }: Policy): PaymentMethod {
  return allowedMethods.includes(method) ? method : (allowedMethods[0] ?? method)
}

/** Of a draft without problems; the sender of any other is as it was typed, and no wallet. */
export function termsOf(draft: Draft, shop: Profile): Terms {
  const { ownerWallet, policy } = shop
  const payer = payerOf(draft, shop)
  const [amount, sender] = [Number(draft.digits) as Terms['amount'], payer.ok ? payer.value : draft.payer]
  return {
    type: 'merchant',
    method: methodOf(draft, policy),
    amount,
    currency: policy.currency,
    sender,
    receiver: ownerWallet,
  }
}

type Terms = Omit<PaymentTerms, 'amount' | 'approval' | 'authorization'> & Pick<Payment, 'amount'>

/** The terms with what the rules ask for beside them. */
export function withProofs(draft: Draft, shop: Profile, request?: Uint8Array): PaymentTerms {
  const [terms, needed] = [termsOf(draft, shop), needs(draft, shop)]
  const approval = needed.approval && request ? readApproval(draft.approval, request) : undefined
  return {
    ...terms,
    ...(approval && { approval }),
  }
}
