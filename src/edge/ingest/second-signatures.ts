import { type OpenedPasses, openPasses, payersSignature } from '../../crypto/pass.ts'
import { type TrustedKey, verifySign1 } from '../../crypto/sign1.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { approvalOf } from '../../protocol/approval.ts'
import { authorizationOf } from '../../protocol/authorization.ts'
import { toHex } from '../../protocol/bytes.ts'
import { paysUntil } from '../../protocol/consent.ts'
import type { Sign1, SignedKind } from '../../protocol/cose.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import type { Payment } from '../../protocol/payment.ts'
import type { Env } from '../env.ts'
import { logger } from '../log.ts'
import { withDeadline } from './deadline.ts'
import { identifyPayer, type KnownDevice } from './identity-cache.ts'
import { standingConsents } from './standing-consents.ts'

/**
 * Looks at the signatures of payers and of agents before a bundle is admitted, so that its receipt says of each payment what the
 * book will say. The book looks again, and it alone knows whose wallet is an agent's. A device that is not known here, or does not
 * answer, proves nothing either way: its payment is taken, and the reconciler waits for the device.
 */
interface Signature {
  readonly by: 'payer' | 'agent'
  readonly payment: Payment
  readonly signed: Sign1 & {
    readonly claims: { readonly alg: number; readonly kid: Uint8Array; readonly deviceId: DeviceId }
  }
  readonly kind: SignedKind
  /** Whether a device with such facts may sign this. */
  readonly isTheirs: (device: KnownDevice) => boolean
}

/** The device that has taken the payments. */
export interface Taker {
  readonly deviceId: DeviceId
  readonly tenant: string
  readonly ownerWallet: string
}

/** Counters of payments whose payer's authorization, or whose agent's approval, does not hold. */
export interface Disproven {
  readonly disproven: readonly number[]
  readonly unapproved: readonly number[]
}

/** Keys that are looked up for one bundle. What has more is left to the reconciler. */
const KEYS_MAX = 32
/** How long a push waits for the objects of those devices, all of them at once. */
const READ_DEADLINE_MS = 1_000

export async function disprovenPayments(
  env: Env,
  taker: Taker,
  payments: readonly Payment[],
  trusted: readonly TrustedKey[],
  nowMs: number,
): Promise<Disproven> {
  const passes = await openPasses(webCryptoSuite, payments, trusted)
  const unsigned = await unsignedBy(payments, taker, passes)
  const signatures = payments.flatMap((payment) => [...payersOf(payment, taker, passes), ...agentsOf(payment, taker)])
  const byKey = Map.groupBy(signatures, ({ signed: { claims } }) => `${claims.deviceId} ${toHex(claims.kid)}`)
  const verdicts = await Promise.all(
    [...byKey.values()].slice(0, KEYS_MAX).map(async (same) => {
      const key = await keyOf(env, same, nowMs)
      if (key === undefined) return []
      const holds = await Promise.all(same.map((one) => isWordOf(key, one, nowMs)))
      return same.filter((_, i) => !holds[i])
    }),
  )
  const counters = (by: Signature['by']) =>
    verdicts.flat().flatMap((one) => (one.by === by ? [one.payment.counter] : []))
  return { disproven: [...unsigned, ...counters('payer')], unapproved: counters('agent') }
}

/**
 * Payments whose pass is none of the edge's, or for another kind of key than the one that has signed; and those that are covered, and not
 * signed by that key. Of these nothing else is asked: money is held for them, also once the phone was stopped.
 */
async function unsignedBy(payments: readonly Payment[], { deviceId }: Taker, passes: OpenedPasses): Promise<number[]> {
  const found = await Promise.all(
    payments.map(async (payment) => {
      const authorization = authorizationOf(payment, deviceId)
      if (authorization === undefined) return []
      const signed = payersSignature(authorization, payment, passes)
      const opened = payment.pass && passes.get(toHex(payment.pass))
      if (signed === undefined || opened === undefined) return [payment.counter]
      if (authorization.claims.covered === undefined) return []
      const verifier = await webCryptoSuite.verifier(opened.key)
      return (await verifySign1(verifier, signed, 'molam-payer-authorization-v1')) ? [] : [payment.counter]
    }),
  )
  return found.flat()
}

function payersOf(payment: Payment, { deviceId }: Taker, passes: OpenedPasses): Signature[] {
  const authorization = authorizationOf(payment, deviceId)
  const signed = authorization && payersSignature(authorization, payment, passes)
  if (signed === undefined || signed.claims.covered !== undefined) return []
  const isTheirs = ({ ownerWallet }: KnownDevice) => ownerWallet === payment.sender
  return [{ by: 'payer', payment, signed, kind: 'molam-payer-authorization-v1', isTheirs }]
}

/** Nobody approves what he is a party to. */
function agentsOf(payment: Payment, taker: Taker): Signature[] {
  const signed = approvalOf(payment, taker.deviceId)
  if (signed === undefined) return []
  const parties = [payment.sender, payment.receiver, taker.ownerWallet]
  const isTheirs = ({ ownerWallet, tenant }: KnownDevice) => tenant === taker.tenant && !parties.includes(ownerWallet)
  return [{ by: 'agent', payment, signed, kind: 'molam-agent-approval-v1', isTheirs }]
}

async function signerNow(env: Env, deviceId: string, kid: Uint8Array, nowMs: number) {
  const key = await identifyPayer(env, deviceId, kid, nowMs)
  if (key === undefined || key === 'revoked') return key
  return { ...key, consents: await standingConsents(env, deviceId, key.consents, nowMs) }
}

async function keyOf(env: Env, [first]: readonly Signature[], nowMs: number) {
  if (first === undefined) return undefined
  const { deviceId, kid } = first.signed.claims
  try {
    return await withDeadline(signerNow(env, deviceId, kid, nowMs), READ_DEADLINE_MS)
  } catch (error) {
    logger.warn('the device of a second signature cannot be asked', { signerDeviceId: deviceId, error })
    return undefined
  }
}

/** A suspended or revoked phone may be in other hands, and a signature says of itself when it was made. */
async function isWordOf(
  key: KnownDevice | 'revoked',
  { payment, signed, kind, isTheirs }: Signature,
  nowMs: number,
): Promise<boolean> {
  if (key === 'revoked' || key.status !== 'active' || !isTheirs(key)) return false
  if (key.alg !== signed.claims.alg) return false
  // Whoever registered it has not asked the holder.
  const untilMs = paysUntil(key.consents, key.kid, nowMs)
  if (untilMs === undefined || payment.initiatedAtMs > untilMs) return false
  return verifySign1(key.verifier, signed, kind)
}
