import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { HEADER_ALG, HEADER_CLAIMS, HEADER_KID, parseDetached, readAlgKid, type Sign1 } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import {
  APPROVAL_BYTES_MAX,
  APPROVAL_REQUEST_BYTES_MAX,
  NONCE_BYTES,
  PARTY_CHARS_MAX,
  SECOND_SIGNATURE_MINUTES,
  SECONDS_MAX,
} from './limits.ts'
import { type AmountMinor, amountMinor, type Currency, isCurrency } from './money.ts'
import { parse } from './parse.ts'
import { PAYMENT_TYPES, type Payment, type PaymentType } from './payment.ts'
import type { Policy } from './policy.ts'
import { bytes, list, map, positive, text, uint } from './shape.ts'
import { MINUTE_MS } from './time.ts'

/**
 * An agent's approval: a COSE_Sign1 by a device of an agent over the terms of one payment and the device that takes it, carried in
 * the payment. The taker shows a request, the agent's device signs it. The payload is detached, because the payment itself gives the terms.
 */
export interface ApprovalRequest {
  readonly type: PaymentType
  readonly amount: AmountMinor
  readonly currency: Currency
  readonly sender: string
  readonly receiver: string
  /** The device that takes the payment. */
  readonly takerId: DeviceId
  /** 16 random bytes of the taker's: a request is good for one payment. */
  readonly requestId: Uint8Array
}

export interface ApprovalHeader {
  readonly alg: number
  readonly kid: Uint8Array
  /** The agent's device. */
  readonly deviceId: DeviceId
  /** By that device's clock, whole seconds. */
  readonly signedAtMs: number
  readonly requestId: Uint8Array
}

export interface Approval extends Sign1 {
  readonly claims: ApprovalHeader
}

type Terms = Pick<Payment, 'type' | 'amount' | 'currency' | 'sender' | 'receiver'>

/** The detached payload of the COSE_Sign1 with `external_aad` `molam-agent-approval-v1`. @param takerId the device that takes the payment */
export function approvalTerms({ type, amount, currency, sender, receiver }: Terms, takerId: DeviceId): Uint8Array {
  return encodeCbor([type, amount, currency, sender, receiver, takerId])
}

export function encodeApprovalHeader({ alg, kid, deviceId, signedAtMs, requestId }: ApprovalHeader): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [HEADER_ALG, alg],
      [HEADER_KID, kid],
      [
        HEADER_CLAIMS,
        new Map<number, CborValue>([
          [1, deviceId],
          [6, Math.floor(signedAtMs / 1000)],
          [7, requestId],
        ]),
      ],
    ]),
  )
}

/**
 * The approval that a payment carries, if it has the form of one and another device than the taker made it. Its signature, over the
 * payment's own terms, is looked at by whoever knows the agent's key.
 */
export function approvalOf(payment: Payment, takerId: DeviceId): Approval | undefined {
  const { approval } = payment
  if (approval === undefined) return undefined
  const parsed = parse(() => parseApproval(approval))
  if (!parsed.ok || parsed.value.claims.deviceId === takerId) return undefined
  return { ...parsed.value, payload: approvalTerms(payment, takerId) }
}

/** Nothing of it is verified. @throws MalformedCbor */
export function parseApproval(encoded: Uint8Array): Omit<Approval, 'payload'> {
  if (encoded.length > APPROVAL_BYTES_MAX) throw new MalformedCbor('approval')
  const sign1 = parseDetached(encoded)
  const header = map(sign1.header, 'approval', [HEADER_ALG, HEADER_KID, HEADER_CLAIMS])
  const claims = map(header.get(HEADER_CLAIMS), 'approval.claims', [1, 6, 7])
  const deviceId = claims.get(1)
  if (!isDeviceId(deviceId)) throw new MalformedCbor('approval.iss')
  const signedAtMs = 1000 * uint(claims.get(6), 'approval.iat', SECONDS_MAX)
  const requestId = bytes(claims.get(7), 'approval.cti', NONCE_BYTES)
  return { ...sign1, claims: { ...readAlgKid(header), deviceId, signedAtMs, requestId } }
}

/** Whether an agent must approve the payment. */
export const needsApproval = ({ amount }: Pick<Payment, 'amount'>, policy: Pick<Policy, 'requireAgentApprovalAbove'>) =>
  amount > policy.requireAgentApprovalAbove

/**
 * Whoever signs stands beside the till: what is dated long after it was signed is another payment. Either clock may be off by the skew.
 *
 * @param signed a payer's authorization or an agent's approval
 */
export function isTimely(
  { claims }: { readonly claims: { readonly signedAtMs: number } },
  { initiatedAtMs }: Pick<Payment, 'initiatedAtMs'>,
  { maxClockSkewMinutes }: Pick<Policy, 'maxClockSkewMinutes'>,
): boolean {
  const sinceMs = initiatedAtMs - claims.signedAtMs
  const skewMs = maxClockSkewMinutes * MINUTE_MS
  return sinceMs >= -skewMs && sinceMs <= SECOND_SIGNATURE_MINUTES * MINUTE_MS + skewMs
}

/** The bytes that the taker shows. */
export function encodeApprovalRequest(request: ApprovalRequest): Uint8Array {
  const { type, amount, currency, sender, receiver, takerId, requestId } = request
  return encodeCbor([type, amount, currency, sender, receiver, takerId, requestId])
}

/** Nobody has signed it: whoever approves looks at what it says. @throws MalformedCbor */
export function decodeApprovalRequest(encoded: Uint8Array): ApprovalRequest {
  const fields = list(decodeCbor(encoded, APPROVAL_REQUEST_BYTES_MAX), 'approval_request', 7, 7)
  const [type, amount, currency, sender, receiver, takerId, requestId] = fields
  if (!PAYMENT_TYPES.some((known) => known === type)) throw new MalformedCbor('approval_request.type')
  if (!isCurrency(currency)) throw new MalformedCbor('approval_request.currency')
  if (!isDeviceId(takerId)) throw new MalformedCbor('approval_request.device_id')
  return {
    type: type as PaymentType,
    amount: amountMinor(positive(amount, 'approval_request.amount')),
    currency,
    sender: text(sender, 'approval_request.sender', PARTY_CHARS_MAX),
    receiver: text(receiver, 'approval_request.receiver', PARTY_CHARS_MAX),
    takerId,
    requestId: bytes(requestId, 'approval_request.id', NONCE_BYTES),
  }
}
