import type { PaymentTerms, Profile } from '../../../device/sdk/index.ts'
import { canonicalWallet, type WalletFault } from '../../../protocol/wallet.ts'
import type { Keyed } from '../../shared/pad/amount.ts'

/** To whom the holder sends: a person, or a shop. The book posts the two by different rules. */
export type Towards = 'p2p' | 'merchant'

/** A payment out of this wallet while it is put together. */
export interface Transfer extends Keyed {
  /** As it was typed or scanned. */
  readonly receiver: string
  readonly towards: Towards
}

export const EMPTY: Transfer = { digits: '', receiver: '', towards: 'p2p' }

export type ReceiverProblem = 'own_wallet' | WalletFault

/** What is wrong with who gets the money; undefined for another wallet. */
export function receiverProblem({ receiver }: Transfer, profile: Profile): ReceiverProblem | undefined {
  const { country } = profile.policy
  const [found, own] = [canonicalWallet(receiver, country), canonicalWallet(profile.ownerWallet, country)]
  if (!found.ok) return found.error
  return own.ok && own.value === found.value ? 'own_wallet' : undefined
}

/** The wallet in its one form; as it was typed when it is none. */
export function receiverOf({ receiver }: Transfer, { policy }: Profile): string {
  const found = canonicalWallet(receiver, policy.country)
  return found.ok ? found.value : receiver
}

export function termsOf(transfer: Transfer, profile: Profile): PaymentTerms {
  const { ownerWallet, policy } = profile
  return {
    type: transfer.towards,
    amount: Number(transfer.digits),
    currency: policy.currency,
    sender: ownerWallet,
    receiver: receiverOf(transfer, profile),
  }
}
