import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import type { ModelState } from './state.ts'

export interface FollowDeps {
  /** Changed by this; what the owner of the schema does (accounts, funding, fees) is done to it by whoever does it. */
  readonly state: ModelState
  readonly keys: KeyProvider
  readonly trusted: readonly TrustedKey[]
  /** The policy that people made, wherever it is written. */
  readonly policyOf: (country: string, version: number) => Policy | undefined
  /** The time of the world. */
  readonly nowMs: () => number
}
