import { type OpenedPasses, payersSignature } from '../../src/crypto/pass.ts'
import { verifySign1 } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import type { Spending } from '../../src/protocol/allowances.ts'
import { type Authorization, authorizationOf } from '../../src/protocol/authorization.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { paysItself, paysUntil } from '../../src/protocol/consent.ts'
import type { Sign1, SignedKind } from '../../src/protocol/cose.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { HOUR_MS } from '../../src/protocol/time.ts'
import { borneOut } from './consents.ts'
import type { RegisteredDevice, Registry } from './registry.ts'

/** A payer's signature, and what it uses up. */
export interface PayerProof {
  readonly payerDeviceId: string
  /** Of the taker, which it answers. */
  readonly requestId: Uint8Array
  /** What its phone counted, under an allowance. */
  readonly spending?: Spending
}

/** By what right a wallet is debited: money moves by its holder's word and by no other. */
export type Authority =
  /** The device is of the debited wallet itself, and there is consent for it. */
  | { readonly kind: 'own_device' }
  /** The payer's own signature; the request that it answers must not have been used in the book before. */
  | ({ readonly kind: 'signed' } & PayerProof)
  /** It names a device, a key of it, or its consent, that is not known here, or not yet. */
  | { readonly kind: 'unknown_payer_device'; readonly payerDeviceId: string }
  /** It carries nobody's word: its holder is asked. Whether it may be claimed at all the policy's rules say. */
  | { readonly kind: 'claimed' }
  /** It carries nobody's word, and the ledger does not know the wallet of the device that took it: nobody is asked for it. */
  | { readonly kind: 'unknown_wallet' }
  /** The edge took it by the device's own word, and the consent for that is not known here yet. */
  | { readonly kind: 'unknown_consent' }
  /** What it carries is not its holder's word, or it was taken for a wallet of another tenant. */
  | { readonly kind: 'none' }

/** The device that recorded a payment, as it was when the edge admitted the payment, and what the ledger says of it. */
export interface Taker extends Pick<RegisteredDevice, 'deviceId' | 'tenant' | 'ownerWallet' | 'wallet'> {
  /** Until when it pays out of its owner's wallet, by the consents that the ledger bears out; undefined: it does not. */
  readonly paysUntilMs: number | undefined
  /** The same, by all that the edge has signed: so the edge judged. */
  readonly statedUntilMs: number | undefined
  /** When the edge admitted the payment, or when people's word about it is carried out. */
  readonly atMs: number
  /** What is known of it, or of a device that consented to it, is older: there may be a consent that is still on its way. */
  readonly isBehind: boolean
}

/** @param kid of the key that signed the bundle */
export function takerOf(
  { deviceId, tenant, ownerWallet, wallet, consents, factsAtMs }: RegisteredDevice,
  kid: Uint8Array,
  atMs: number,
): Taker {
  const verified = consents.filter(({ isAwaited }) => isAwaited !== true)
  const statedUntilMs = paysUntil(verified, kid, atMs)
  return {
    ...{ deviceId, tenant, ownerWallet, wallet, atMs },
    isBehind: factsAtMs < atMs || paysUntil(consents, kid, atMs) !== statedUntilMs,
    paysUntilMs: paysUntil(borneOut(verified), kid, atMs),
    statedUntilMs,
  }
}

/**
 * A device of one tenant could be registered for a wallet that another tenant opened, or opens later: so its own word counts
 * only for a wallet that its tenant has, and so does what it claims; everything else it takes needs the payer's signature.
 */
const isOwnWord = (payment: Payment, { wallet, ownerWallet, paysUntilMs }: Taker) =>
  wallet === 'known' && paysItself(payment, ownerWallet, paysUntilMs)

const WITHOUT_WORD = { known: 'claimed', unknown: 'unknown_wallet', foreign: 'none' } as const

/** Out of the owner's wallet, and nothing that this side knows lets the device do that. */
function withoutConsent(payment: Payment, { wallet, ownerWallet, statedUntilMs, isBehind }: Taker): Authority {
  const isStated = paysItself(payment, ownerWallet, statedUntilMs)
  if (!isStated && isBehind) return { kind: 'unknown_consent' }
  return { kind: isStated && wallet === 'unknown' ? 'unknown_wallet' : 'none' }
}

/** The payer's device whose key a payment's authorization must be verified with, if one is needed. */
export function payerDeviceOf(payment: Payment, taker: Taker): string | undefined {
  return isOwnWord(payment, taker) ? undefined : authorizationOf(payment, taker.deviceId)?.pass.deviceId
}

/**
 * @param receivedAtMs of the bundle, as its receipt says
 * @param registry holds at least the payer's device, when it is registered
 * @param passes that the edge has signed, of the bundle
 */
export async function debitAuthority(
  payment: Payment,
  policy: Policy,
  taker: Taker,
  receivedAtMs: number,
  registry: Registry,
  passes: OpenedPasses,
): Promise<Authority> {
  if (isOwnWord(payment, taker)) return { kind: 'own_device' }
  if (payment.authorization === undefined) {
    const isOwnWallet = payment.sender === taker.ownerWallet
    return isOwnWallet ? withoutConsent(payment, taker) : { kind: WITHOUT_WORD[taker.wallet] }
  }
  const authorization = authorizationOf(payment, taker.deviceId)
  const signed = authorization && payersSignature(authorization, payment, passes)
  if (authorization === undefined || signed === undefined) return { kind: 'none' }
  const { deviceId, requestId } = signed.claims
  const isTheirs = ({ ownerWallet }: RegisteredDevice) => ownerWallet === payment.sender
  const second = { signed, kind: 'molam-payer-authorization-v1', isTheirs } as const
  switch (await judgeSecond(second, payment, { policy, atMs: taker.atMs, receivedAtMs }, registry)) {
    case 'holds':
      return { kind: 'signed', payerDeviceId: deviceId, requestId, ...spendingOf(authorization) }
    case 'unknown_device':
      return { kind: 'unknown_payer_device', payerDeviceId: deviceId }
    case 'false': {
      // Its taker was told that it is covered, and could not know that the phone was stopped: what is held for that is held still.
      const { spending } = spendingOf(authorization)
      if (spending === undefined || !(await isByPass(signed, payment, passes))) return { kind: 'none' }
      return { kind: 'signed', payerDeviceId: deviceId, requestId, spending: { ...spending, heldOnly: true } }
    }
  }
}

/** Whether the key that the edge has signed for the phone made it, whatever became of the phone since. */
async function isByPass(signed: Sign1, { pass }: Payment, passes: OpenedPasses): Promise<boolean> {
  const opened = pass && passes.get(toHex(pass))
  if (opened === undefined) return false
  return verifySign1(await webCryptoSuite.verifier(opened.key), signed, 'molam-payer-authorization-v1')
}

/** What it uses up of the allowance of its pass. */
function spendingOf({ pass, claims }: Authorization): Pick<PayerProof, 'spending'> {
  if (claims.covered === undefined || pass.allowance === undefined) return {}
  return { spending: { allowanceNo: pass.allowance.no, ...claims.covered } }
}

/** A signature over a payment by another device than the one that took it: a payer's, or an agent's. */
interface SecondSignature {
  readonly signed: Sign1 & {
    readonly claims: { readonly alg: number; readonly kid: Uint8Array; readonly deviceId: DeviceId }
  }
  readonly kind: SignedKind
  /** Whether a device with such facts may sign this. */
  readonly isTheirs: (device: RegisteredDevice) => boolean
}

/** When the edge admitted the payment, or people's word about it is carried out; and when its bundle was received. */
interface When {
  readonly policy: Policy
  readonly atMs: number
  readonly receivedAtMs: number
}

/** @returns `unknown_device` when it names a device, a key of it, or its consent, that is not known here, or not yet */
export async function judgeSecond(
  { signed, kind, isTheirs }: SecondSignature,
  { initiatedAtMs }: Payment,
  { policy, atMs, receivedAtMs }: When,
  registry: Registry,
): Promise<'holds' | 'unknown_device' | 'false'> {
  const { deviceId, kid, alg } = signed.claims
  const signer = registry.get(deviceId)
  const key = signer?.keys.get(toHex(kid))
  if (signer === undefined || key === undefined) return 'unknown_device'
  // A suspended or revoked phone may be in other hands; a signature says of itself when it was made.
  if (signer.status !== 'active' || signer.wallet !== 'known' || !isTheirs(signer)) return 'false'
  // What two people say for a customer lets it sign no more than pay.
  const { paysUntilMs, isBehind } = takerOf(signer, kid, atMs)
  if (paysUntilMs === undefined || initiatedAtMs > paysUntilMs) return isBehind ? 'unknown_device' : 'false'
  if (key.state === 'revoked') return 'false'
  // What was signed before it was replaced comes in a bundle that is not too old, or not at all.
  const untilMs = key.stateAtMs + policy.maxBundleAgeHours * HOUR_MS
  if (key.state === 'replaced' && receivedAtMs > untilMs) return 'false'
  if (key.alg !== alg) return 'false'
  return (await verifySign1(key.verifier, signed, kind)) ? 'holds' : 'false'
}
