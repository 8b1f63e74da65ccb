import { parse } from '../protocol/parse.ts'
import { decodePolicyVersion, encodePolicyVersion, type PolicyVersion } from '../protocol/policy-version.ts'
import type { KeyProvider } from './key-provider.ts'
import { openAsEdge, signAsEdge, type TrustedKey } from './sign1.ts'

/**
 * A version of a policy as it is stored and told: a COSE_Sign1 by the edge's receipt key. Whoever can write to a store
 * could otherwise set limits of his own; so nobody applies a version but out of the bytes whose signature holds.
 */
export interface SignedVersion extends PolicyVersion {
  /** The very bytes. */
  readonly signed: Uint8Array
}

/** @throws KeysUnavailable when there is no key to sign with */
export async function signPolicyVersion(version: PolicyVersion, keys: KeyProvider): Promise<SignedVersion> {
  const { kid, signer } = await keys.receiptSigner()
  return { ...version, signed: await signAsEdge(signer, kid, encodePolicyVersion(version), 'molam-policy-v1') }
}

/** @returns undefined when no trusted key signed it, or it is no version that people can have put in force */
export async function openPolicyVersion(
  signed: Uint8Array,
  trusted: readonly TrustedKey[],
): Promise<SignedVersion | undefined> {
  const payload = await openAsEdge(signed, trusted, 'molam-policy-v1')
  const version = payload && parse(() => decodePolicyVersion(payload))
  return version?.ok ? { ...version.value, signed } : undefined
}
