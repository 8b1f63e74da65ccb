import type { Policy } from '../../protocol/policy.ts'
import type { LocalDevice } from './store/local-device.ts'

/** What the device is and may do, as the edge last signed it. */
export interface Profile {
  /** Wallet of the device's owner: a merchant's takings go to it, and payments out of it need no other proof. */
  readonly ownerWallet: string
  /** The ledger has no such wallet: what is paid to it fails until somebody opens the account. */
  readonly ownerWalletUnknown?: true
  readonly policy: Policy
}

export function profileOf(device: LocalDevice): Profile | undefined {
  if (!device.hasState) return undefined
  const { ownerWallet, ownerWalletUnknown, policy } = device.state
  return { ownerWallet, ...(ownerWalletUnknown && { ownerWalletUnknown }), policy }
}
