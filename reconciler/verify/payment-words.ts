import { type OpenedPasses, payersSignature } from '../../src/crypto/pass.ts'
import { verifySign1 } from '../../src/crypto/sign1.ts'
import { approvalOf } from '../../src/protocol/approval.ts'
import { authorizationOf } from '../../src/protocol/authorization.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import type { Sign1, SignedKind } from '../../src/protocol/cose.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import type { PayerHeader } from '../../src/protocol/payer-header.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { MINUTE_MS } from '../../src/protocol/time.ts'
import { takerOf } from '../registry/authority.ts'
import type { Registry } from '../registry/registry.ts'
import { CLAIM_ANSWERS } from '../settle/claim-answers.ts'
import { contentHash } from '../settle/content-hash.ts'
import { isHoldersWord, isSignedRow } from '../settle/holders-word.ts'
import { MANDATES, type MandateEvidence } from '../settle/mandates.ts'
import type { VerifiedBundle } from '../settle/verify-bundle.ts'
import type { CoveredRow, PaymentRow, RecordedBundle } from './bundle-rows.ts'
import { KNOWN_LATE_MINUTES } from './settlement-checks.ts'

/** By whose word a payment moved money, as its evidence shows: each is opened again, and is over this very payment. */

/** The signature that was used up for a payment is over its terms, by a key of the device that is named. */
export async function isPayersWord(
  payment: Payment,
  { payer_device_id, payer_request_id }: PaymentRow,
  takerId: DeviceId,
  passes: OpenedPasses,
  registry: Registry,
): Promise<boolean> {
  const authorization = authorizationOf(payment, takerId)
  const signed = authorization && payersSignature(authorization, payment, passes)
  const isUsed =
    signed !== undefined && isNamed(signed.claims, payer_device_id, signed.claims.requestId, payer_request_id)
  return isUsed && isSigned(signed, 'molam-payer-authorization-v1', registry)
}

/** What its payer's signature says of an allowance is what the book has counted. */
export function isCovered(
  payment: Payment,
  { payer_device_id, allowance_no, n, spent_minor }: CoveredRow,
  takerId: DeviceId,
): boolean {
  const authorization = authorizationOf(payment, takerId)
  if (authorization === undefined) return false
  const { pass, claims } = authorization
  const isNamed = pass.deviceId === payer_device_id && pass.allowance?.no === allowance_no
  return isNamed && claims.covered?.n === n && claims.covered.spent === spent_minor
}

/** The approval whose request was used up for a payment is over its terms and its taker, by a key of the device that is named. */
export async function isApproval(
  payment: Payment,
  { agent_device_id, request_id }: PaymentRow,
  takerId: DeviceId,
  registry: Registry,
): Promise<boolean> {
  const signed = approvalOf(payment, takerId)
  const isUsed = signed !== undefined && isNamed(signed.claims, agent_device_id, signed.claims.requestId, request_id)
  return isUsed && isSigned(signed, 'molam-agent-approval-v1', registry)
}

type Signer = Pick<PayerHeader, 'deviceId' | 'kid'>

/** By the device of the row, with what the row says is used up. */
const isNamed = (by: Signer, deviceId: string | null, once: Uint8Array, usedUp: Uint8Array | null): boolean =>
  by.deviceId === deviceId && usedUp !== null && equalBytes(once, new Uint8Array(usedUp))

async function isSigned(
  signed: Sign1 & { readonly claims: Signer },
  kind: SignedKind,
  registry: Registry,
): Promise<boolean> {
  const { deviceId, kid } = signed.claims
  const key = registry.get(deviceId)?.keys.get(toHex(kid))
  return key !== undefined && verifySign1(key.verifier, signed, kind)
}

/** The answer by which a claim was posted is over this payment, and says yes; its device signed it. */
export async function isConfirmation(
  payment: Payment,
  { device_id }: RecordedBundle,
  { confirmation, confirmed_by }: PaymentRow,
  registry: Registry,
): Promise<boolean> {
  const hash = await contentHash(payment)
  return isHoldersWord(
    CLAIM_ANSWERS,
    new Uint8Array(confirmation ?? []),
    registry,
    ({ answer, claims }) =>
      answer.takerId === device_id &&
      answer.counter === payment.counter &&
      answer.amount === payment.amount &&
      answer.choice === 'confirm' &&
      claims.deviceId === confirmed_by &&
      equalBytes(answer.contentHash, hash),
  )
}

/** The mandate by which a claim was posted is of the debited wallet, and gives as much; its device signed it. */
export async function isMandated(payment: Payment, mandate: MandateEvidence, registry: Registry): Promise<boolean> {
  const { wallet, currency, payment_max_minor } = mandate
  const covers = wallet === payment.sender && currency === payment.currency && payment.amount <= payment_max_minor
  return covers && (await isSignedRow(MANDATES, mandate, registry))
}

/** Out of its owner's wallet a device paid by its own word with the very key that there was consent for. */
export function isOwnWord(
  { sender, initiatedAtMs }: Payment,
  { status, posted_at }: PaymentRow,
  { bundle, receipt }: VerifiedBundle,
  registry: Registry,
): boolean {
  const device = registry.get(receipt.deviceId)
  if (device?.ownerWallet !== sender || (status !== 'succeeded' && status !== 'reversed')) return true
  const known = device.consents.map((consent) => {
    // That its giver stopped the book may have heard after it had posted, and no row says when.
    const { withdrawalKnownAtMs: knownAtMs, ownWithdrawnAtMs = consent.withdrawnAtMs } = consent
    const isLate =
      knownAtMs !== undefined && posted_at !== null && posted_at < knownAtMs + KNOWN_LATE_MINUTES * MINUTE_MS
    return { ...consent, withdrawnAtMs: isLate ? null : ownWithdrawnAtMs }
  })
  const { paysUntilMs } = takerOf({ ...device, consents: known }, bundle.claims.kid, receipt.receivedAtMs)
  return paysUntilMs !== undefined && initiatedAtMs <= paysUntilMs
}
