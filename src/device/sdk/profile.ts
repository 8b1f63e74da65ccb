import type { WalletFault } from '../../protocol/owner-wallet.ts'
import type { Policy } from '../../protocol/policy.ts'
import type { LocalDevice } from './store/local-device.ts'

/** What the device is and may do, as the edge last signed it. */
export interface Profile {
  /** Wallet of the device's owner: a merchant's takings go to it. */
  readonly ownerWallet: string
  /**
   * `unknown`: the ledger has no such wallet, and what is paid to it fails until somebody opens the account. `foreign`: it
   * is another tenant's, and of what this device takes only what its payers signed is posted.
   */
  readonly ownerWalletFault?: WalletFault
  /**
   * Until when the device pays out of that wallet by its own word, UTC milliseconds. Left out, it only receives, and a payment
   * out of the wallet is `refused` as `payer_not_proven`: nobody has given consent, or somebody has withdrawn it.
   */
  readonly paysUntilMs?: number
  readonly policy: Policy
}

export function profileOf(device: LocalDevice): Profile | undefined {
  if (!device.hasState) return undefined
  const { ownerWallet, ownerWalletFault, paysUntilMs, policy } = device.state
  return {
    ownerWallet,
    ...(ownerWalletFault && { ownerWalletFault }),
    ...(paysUntilMs !== undefined && { paysUntilMs }),
    policy,
  }
}
