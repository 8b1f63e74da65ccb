import { isParty } from '../../../protocol/ids.ts'
import type { PaymentMethod } from '../../../protocol/payment.ts'
import type { Policy } from '../../../protocol/policy.ts'
import type { OfflinePayment, PaymentTerms } from '../../../sdk/index.ts'
import { readConsent } from '../consent.ts'

/** A payment while it is typed. */
export interface Draft {
  /** Minor units as they were keyed in. */
  readonly digits: string
  readonly payer: string
  readonly method: PaymentMethod
  /** The payer's signed consent as it was scanned. */
  readonly consent: string
  /** Reference of an agent's approval. */
  readonly approval: string
  /** The person said that it is not the same payment once more. */
  readonly another: boolean
}

export const EMPTY: Draft = { digits: '', payer: '', method: 'wallet', consent: '', approval: '', another: false }

/** The shop that is paid. */
export interface Shop {
  readonly ownerWallet: string
  readonly policy: Policy
}

/** A payment that looks like this one so short a time ago may be the same one. */
const AGAIN_WITHIN_MS = 120_000

export type Problem = 'amount' | 'too_much' | 'payer' | 'own_wallet' | 'consent' | 'approval' | 'again'

/** What must be given before the payment can be taken, by the rules that the SDK and the edge apply. */
export function needs(draft: Draft, { policy }: Shop): { readonly consent: boolean; readonly approval: boolean } {
  const amount = Number(draft.digits)
  return { consent: amount > policy.requirePayerProofAbove, approval: amount > policy.requireAgentApprovalAbove }
}

/**
 * What keeps the draft from being taken. These are for the person's eyes; the SDK judges once more, and its word holds.
 *
 * @param before the last payment like it, if any
 */
export function problemOf(draft: Draft, shop: Shop, before: OfflinePayment | undefined): Problem | undefined {
  const [amount, payer, needed] = [Number(draft.digits), draft.payer.trim(), needs(draft, shop)]
  if (amount === 0) return 'amount'
  if (amount > shop.policy.maxOfflineAmount) return 'too_much'
  if (!isParty(payer)) return 'payer'
  if (payer === shop.ownerWallet) return 'own_wallet'
  if (needed.consent && readConsent(draft.consent, termsOf(draft, shop)) === undefined) return 'consent'
  if (needed.approval && draft.approval.trim() === '') return 'approval'
  return before && !draft.another ? 'again' : undefined
}

/** The same customer, the same amount, a moment ago, and money may move for it. */
export function paymentLike(
  draft: Draft,
  payments: readonly OfflinePayment[],
  nowMs: number,
): OfflinePayment | undefined {
  return payments.findLast(
    ({ sender, amount, status, initiatedAtMs }) =>
      sender === draft.payer.trim() &&
      amount === Number(draft.digits) &&
      nowMs - initiatedAtMs < AGAIN_WITHIN_MS &&
      status !== 'voided' &&
      status !== 'refused' &&
      status !== 'failed',
  )
}

export function termsOf(draft: Draft, { ownerWallet, policy }: Shop): Terms {
  const { method, digits, payer } = draft
  const [amount, sender] = [Number(digits) as Terms['amount'], payer.trim()]
  return { type: 'merchant', method, amount, currency: policy.currency, sender, receiver: ownerWallet }
}

type Terms = Omit<PaymentTerms, 'amount' | 'currency'> & Parameters<typeof readConsent>[1]

/** The terms with what the rules ask for beside them. */
export function withProofs(draft: Draft, shop: Shop): PaymentTerms {
  const [terms, needed] = [termsOf(draft, shop), needs(draft, shop)]
  const authorization = needed.consent ? readConsent(draft.consent, terms) : undefined
  return {
    ...terms,
    ...(authorization && { authorization }),
    ...(needed.approval && { approval: draft.approval.trim() }),
  }
}
