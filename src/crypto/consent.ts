import { type Consent, decodeConsent, encodeConsent } from '../protocol/consent.ts'
import { parse } from '../protocol/parse.ts'
import type { KeyProvider } from './key-provider.ts'
import { openAsEdge, signAsEdge, type TrustedKey } from './sign1.ts'

/**
 * A consent as it is kept and told: a COSE_Sign1 by the edge's receipt key. Whoever could write a row could otherwise let a
 * device of his own debit any wallet of the tenant.
 */
export interface SignedConsent extends Consent {
  /** The very bytes. */
  readonly signed: Uint8Array
}

/** @throws KeysUnavailable when there is no key to sign with */
export async function signConsent(consent: Consent, keys: KeyProvider): Promise<SignedConsent> {
  const { kid, signer } = await keys.receiptSigner()
  return { ...consent, signed: await signAsEdge(signer, kid, encodeConsent(consent), 'molam-consent-v1') }
}

/** @returns undefined when no trusted key signed it, or it is no consent that two people can have given */
export async function openConsent(
  signed: Uint8Array,
  trusted: readonly TrustedKey[],
): Promise<SignedConsent | undefined> {
  const payload = await openAsEdge(signed, trusted, 'molam-consent-v1')
  const consent = payload && parse(() => decodeConsent(payload))
  return consent?.ok ? { ...consent.value, signed } : undefined
}
