import { fromBase64url, toBase64url } from '../../../protocol/bytes.ts'
import { MalformedCbor } from '../../../protocol/cbor.ts'
import { parseSign1 } from '../../../protocol/cose.ts'
import { decodeNotice, type Outcome } from '../../../protocol/notice.ts'
import { decodePayload, encodePayload } from '../../../protocol/payload.ts'
import { isPayment, type Payment } from '../../../protocol/payment.ts'
import { decisionFor, decodeReceipt } from '../../../protocol/receipt.ts'
import type { Verdict } from '../../../protocol/rules.ts'
import type { Decision, Reason } from '../../../protocol/states.ts'

/** A payment on disk, written once and never changed: its terms as the wire carries them, and what was expected of it. */
export interface PaymentRecord {
  readonly payload: string
  readonly policyVersion: number
  readonly expected: { readonly decision: Decision; readonly reason?: Reason }
}

export function encodePayment(payment: Payment, expected: Verdict, policyVersion: number): PaymentRecord {
  const payload = encodePayload({ currency: payment.currency, entries: [payment] })
  return { payload: toBase64url(payload), policyVersion, expected }
}

/** @returns undefined for a whole record that this version cannot read: one that a later version wrote */
export function decodePayment(body: unknown): { payment: Payment; expected: Verdict } | undefined {
  const { payload, expected } = body as PaymentRecord
  try {
    const payment = decodePayload(fromBase64url(payload)).entries[0]
    return payment !== undefined && isPayment(payment) ? { payment, expected } : undefined
  } catch {
    return undefined
  }
}

/**
 * Proof that a bundle was admitted: the signed receipt or, where none can be had any more, the signed notice whose
 * device facts name the bundle's digest as the chain's head, and which says what its receipt says.
 */
export type AdmissionRecord =
  | { readonly proof: 'receipt'; readonly signed: string }
  | { readonly proof: 'chain'; readonly signed: string }

export const admissionKey = (seq: number): string => `admission/${seq}`

/** What an admission says about the payments of its bundle. */
export interface Admission {
  readonly seq: number
  readonly first: number
  readonly last: number
  decisionFor(counter: number): { readonly decision: Decision; readonly reason?: string }
}

/** Reads an admission whose signature was verified before it was stored. */
export function decodeAdmission(seq: number, record: AdmissionRecord): Admission {
  const said = parseSign1(fromBase64url(record.signed)).payload
  const receipt = record.proof === 'receipt' ? decodeReceipt(said) : decodeNotice(said).lastReceipt
  // An edge that has a last bundle says what its receipt says.
  if (receipt === undefined) throw new MalformedCbor('last_receipt')
  return {
    seq,
    first: receipt.firstCounter,
    last: receipt.lastCounter,
    decisionFor: (counter) => decisionFor(receipt, counter),
  }
}

export type OutcomeRecord = Omit<Outcome, 'counter'>
