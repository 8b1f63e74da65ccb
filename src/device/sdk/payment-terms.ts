import { decodeApprovalRequest, encodeApprovalRequest, parseApproval } from '../../protocol/approval.ts'
import { equalBytes } from '../../protocol/bytes.ts'
import { MalformedCbor } from '../../protocol/cbor.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import { type AmountMinor, isCurrency } from '../../protocol/money.ts'
import { parse } from '../../protocol/parse.ts'
import { decodePayload, encodePayload } from '../../protocol/payload.ts'
import {
  isInvalid,
  isPayment,
  type Meta,
  type Payment,
  type PaymentMethod,
  type PaymentName,
  type PaymentType,
} from '../../protocol/payment.ts'
import type { PaymentAnswer } from '../../protocol/payment-request.ts'
import type { Country } from '../../protocol/policy.ts'
import { canonicalWallet } from '../../protocol/wallet.ts'
import { OfflineError } from './errors.ts'

/** What the app says about a payment that it wants to take. */
export interface PaymentTerms {
  readonly type: Exclude<PaymentType, 'refund'>
  /** How the payer was identified; `wallet` when left out. */
  readonly method?: PaymentMethod
  /** Integer, minor units of the currency: 2500 with XOF is 2500 F CFA. */
  readonly amount: number
  /** ISO 4217. */
  readonly currency: string
  /** Wallet that is debited, as it was typed or scanned: it is recorded in its one form (`canonicalWallet`). */
  readonly sender: string
  /** Wallet that is credited, likewise. */
  readonly receiver: string
  readonly merchantId?: string
  /** An agent's approval: above the policy's `requireAgentApprovalAbove`. */
  readonly approval?: AgentApproval
  /** What the payer's phone has answered to a request for these very terms. `acceptAuthorization` verifies it, and brings it here. */
  readonly authorization?: PaymentAnswer
  /** Up to 1 KiB as CBOR; values are text, integers of 0 or more, or booleans. */
  readonly meta?: Meta
}

/** As `refunds.ts` makes them. */
export interface RefundTerms extends Omit<PaymentTerms, 'type'> {
  readonly type: 'refund'
  readonly refundOf: PaymentName
}

/** What `approvalRequest()` gave for these very terms, and what the agent's device gave for that. */
export interface AgentApproval {
  readonly request: Uint8Array
  readonly approval: Uint8Array
}

/** The device that takes a payment. */
interface Taker {
  readonly takerId: DeviceId
  /** Whose phone numbers may stand without calling code. */
  readonly country: Country
}

/**
 * The payment that these terms make, its wallets in their one form. It goes through the wire's own encoding and back, so what is recorded is what a
 * reader of the bundle will accept, and nothing else can be recorded.
 *
 * @throws OfflineError `invalid_payment`, naming the field; `refused` when its approval is for something else
 */
export function paymentOf(terms: PaymentTerms | RefundTerms, counter: number, nowMs: number, taker: Taker): Payment {
  // Not every caller has the types.
  if (typeof terms !== 'object' || terms === null) throw new OfflineError('invalid_payment', { detail: 'terms' })
  const { currency, amount, method = 'wallet' } = terms
  if (!isCurrency(currency)) throw new OfflineError('invalid_payment', { detail: 'currency' })
  const initiatedAtMs = Math.floor(nowMs / 1000) * 1000
  const { type, merchantId, approval, authorization, meta } = terms
  if (approval !== undefined && (typeof approval !== 'object' || approval === null)) {
    throw new OfflineError('invalid_payment', { detail: 'approval' })
  }
  if (authorization !== undefined && !isAnswer(authorization)) {
    throw new OfflineError('invalid_payment', { detail: 'authorization' })
  }
  const payment: Payment = {
    counter,
    type,
    method,
    amount: amount as AmountMinor,
    currency,
    sender: walletIn(terms, 'sender', taker.country),
    receiver: walletIn(terms, 'receiver', taker.country),
    initiatedAtMs,
    ...(merchantId !== undefined && { merchantId }),
    ...(approval !== undefined && { approval: approval.approval }),
    ...(authorization !== undefined && { authorization: authorization.authorization, pass: authorization.pass }),
    ...(meta !== undefined && { meta }),
    ...('refundOf' in terms && { refundOf: terms.refundOf }),
  }
  try {
    const read = decodePayload(encodePayload({ currency, entries: [payment] })).entries[0]
    // On the wire the pass names the payer.
    if (read !== undefined && isPayment(read) && read.sender !== payment.sender)
      throw new MalformedCbor('authorization')
    if (read !== undefined && isPayment(read)) return withApproval(read, approval, taker.takerId)
    if (read !== undefined && isInvalid(read)) throw new MalformedCbor(read.fault)
  } catch (cause) {
    if (cause instanceof OfflineError) throw cause
    const detail = cause instanceof Error ? cause.message : 'unreadable'
    throw new OfflineError('invalid_payment', { detail, cause })
  }
  throw new OfflineError('invalid_payment')
}

const isAnswer = (answer: unknown): answer is PaymentAnswer => {
  const { pass, authorization } = Object(answer) as Record<string, unknown>
  return pass instanceof Uint8Array && authorization instanceof Uint8Array
}

/** An approval does not say what it is for; the request that it answers does. Whether its signature holds only the edge can tell. */
function withApproval(payment: Payment, approval: AgentApproval | undefined, takerId: DeviceId): Payment {
  if (approval === undefined) return payment
  const read = parse(() => {
    const { requestId } = decodeApprovalRequest(approval.request)
    const isAnswer = equalBytes(parseApproval(approval.approval).claims.requestId, requestId)
    return isAnswer && equalBytes(encodeApprovalRequest({ ...payment, takerId, requestId }), approval.request)
  })
  if (!read.ok || !read.value) throw new OfflineError('refused', { reason: 'approval_invalid' })
  return payment
}

function walletIn(terms: PaymentTerms | RefundTerms, field: 'sender' | 'receiver', country: Country): string {
  const text: unknown = terms[field]
  if (typeof text !== 'string') throw new OfflineError('invalid_payment', { detail: field })
  const wallet = canonicalWallet(text, country)
  if (wallet.ok) return wallet.value
  throw new OfflineError('invalid_payment', { detail: field, wallet: { field, fault: wallet.error } })
}
