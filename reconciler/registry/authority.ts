import { verifySign1 } from '../../src/crypto/sign1.ts'
import { authorizationOf } from '../../src/protocol/authorization.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { needsPayerProof } from '../../src/protocol/rules.ts'
import { HOUR_MS } from '../../src/protocol/time.ts'
import type { RegisteredDevice, Registry } from './registry.ts'

/** By what right a wallet is debited: money moves only with its owner's word, or when the amount is small enough. */
export type Authority =
  | { readonly kind: 'not_needed' }
  /** The payer's own signature; its nonce must not have been used in the book before. */
  | { readonly kind: 'signed'; readonly payerDeviceId: string; readonly nonce: Uint8Array }
  /** It names a device, or a key of it, that is not registered here, or not yet. */
  | { readonly kind: 'unknown_payer_device'; readonly payerDeviceId: string }
  /** A small sum, or one out of the device's own wallet, and the ledger does not know that wallet: it is nobody's word yet. */
  | { readonly kind: 'unknown_wallet' }
  | { readonly kind: 'none' }

/** The device that recorded a payment, and what the ledger says of its wallet. */
export type Taker = Pick<RegisteredDevice, 'ownerWallet' | 'wallet'>

/**
 * A device of one tenant could be registered for a wallet that another tenant opened, or opens later: so its own word counts
 * only for a wallet that its tenant has, and everything else it takes needs the payer's.
 */
const needsWord = (payment: Payment, policy: Policy, { ownerWallet, wallet }: Taker) =>
  wallet !== 'known' || needsPayerProof(payment, policy, ownerWallet)

/** The payer's device whose key a payment's authorization must be verified with, if one is needed. */
export function payerDeviceOf(payment: Payment, policy: Policy, taker: Taker): string | undefined {
  if (!needsWord(payment, policy, taker)) return undefined
  return authorizationOf(payment)?.claims.deviceId
}

/**
 * @param receivedAtMs of the bundle, as its receipt says
 * @param registry holds at least the payer's device, when it is registered
 */
export async function debitAuthority(
  payment: Payment,
  policy: Policy,
  taker: Taker,
  receivedAtMs: number,
  registry: Registry,
): Promise<Authority> {
  if (!needsWord(payment, policy, taker)) return { kind: 'not_needed' }
  const authorization = authorizationOf(payment)
  if (authorization === undefined) {
    const wouldDo = taker.wallet === 'unknown' && !needsPayerProof(payment, policy, taker.ownerWallet)
    return { kind: wouldDo ? 'unknown_wallet' : 'none' }
  }
  const { deviceId, kid, alg, nonce } = authorization.claims
  const payer = registry.get(deviceId)
  const key = payer?.keys.get(toHex(kid))
  if (payer === undefined || key === undefined) return { kind: 'unknown_payer_device', payerDeviceId: deviceId }
  // A suspended or revoked phone may be in other hands; the authorization does not say when it was made.
  if (payer.status !== 'active' || payer.ownerWallet !== payment.sender) return { kind: 'none' }
  if (payer.wallet !== 'known') return { kind: 'none' }
  if (key.state === 'revoked') return { kind: 'none' }
  // What was signed before it was replaced comes in a bundle that is not too old, or not at all.
  const untilMs = key.stateAtMs + policy.maxBundleAgeHours * HOUR_MS
  if (key.state === 'replaced' && receivedAtMs > untilMs) return { kind: 'none' }
  if (key.alg !== alg) return { kind: 'none' }
  if (!(await verifySign1(key.verifier, authorization, 'molam-payer-authorization-v1'))) return { kind: 'none' }
  return { kind: 'signed', payerDeviceId: deviceId, nonce }
}
