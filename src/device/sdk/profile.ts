import type { Policy } from '../../protocol/policy.ts'
import type { LocalDevice } from './store/local-device.ts'

/** What the device is and may do, as the edge last signed it. */
export interface Profile {
  /** Wallet of the device's owner: a merchant's takings go to it, and payments out of it need no other proof. */
  readonly ownerWallet: string
  readonly policy: Policy
}

export const profileOf = (device: LocalDevice): Profile | undefined =>
  device.hasState ? { ownerWallet: device.state.ownerWallet, policy: device.state.policy } : undefined
