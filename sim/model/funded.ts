import type { Telephones } from '../people/telephones.ts'
import type { AccountKind } from './book.ts'
import { openAccount } from './book.ts'
import { fund } from './post.ts'
import { type ModelState, newModelState } from './state.ts'

/** A state in which these wallets were opened and money was put into them, under one reference. Amounts are minor units. */
export function fundedState(
  wallets: readonly { readonly wallet: string; readonly kind: AccountKind; readonly amount: number }[],
  telephones: Telephones,
): ModelState {
  const state = newModelState(undefined, telephones)
  for (const [index, { wallet, kind, amount }] of wallets.entries()) {
    openAccount(state.book, wallet, 'XOF', kind)
    if (amount > 0) fund(state.book, BEGINNING, index + 1, wallet, amount, 'XOF')
  }
  return state
}

/** Names the money that is there when a run begins. */
export const BEGINNING = 'beginning'
