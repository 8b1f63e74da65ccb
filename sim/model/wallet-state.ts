import type { WalletState } from '../../src/protocol/owner-wallet.ts'
import type { ModelState } from './state.ts'

/** What `offline_wallet_state` says. To a device a system account is as good as none. */
export function walletState({ book }: Pick<ModelState, 'book'>, wallet: string, tenant: string): WalletState {
  const account = book.accounts.get(wallet)
  if (account === undefined || account.kind === 'system') return 'unknown'
  return account.tenant === tenant ? 'known' : 'foreign'
}
