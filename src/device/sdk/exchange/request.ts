import { equalBytes, fromBase64url, toBase64url } from '../../../protocol/bytes.ts'
import { NONCE_BYTES, SECOND_SIGNATURE_MINUTES } from '../../../protocol/limits.ts'
import { amountMinor, isAmountMinor, isCurrency } from '../../../protocol/money.ts'
import { parse } from '../../../protocol/parse.ts'
import { PAYMENT_TYPES } from '../../../protocol/payment.ts'
import { decodePaymentRequest, encodePaymentRequest, type PaymentRequest } from '../../../protocol/payment-request.ts'
import { MINUTE_MS } from '../../../protocol/time.ts'
import { canonicalWallet } from '../../../protocol/wallet.ts'
import { OfflineError } from '../errors.ts'
import type { PaymentTerms } from '../payment-terms.ts'
import { limitsAt } from '../store/allowance.ts'
import type { SyncDeps } from '../sync/sync-deps.ts'
import { type KeptRequest, keptRequests } from './kept.ts'

/**
 * The till's first step of the exchange at the counter: a request, which the payer's phone reads from a QR code. It is on disk before
 * it is shown, so that the answer finds it also after the page was closed in between.
 */
export type RequestTerms = Omit<PaymentTerms, 'sender' | 'method' | 'approval' | 'authorization'>

export interface OpenRequest {
  /** What the payer's phone reads (`readRequest`), at most 192 bytes: in a QR code of its own, or in a merchant's symbol. */
  readonly request: Uint8Array
  /** UTC milliseconds. A phone that signed before it may still be scanned. */
  readonly expiresAtMs: number
}

/** @throws OfflineError `not_ready`, `invalid_payment`, `refused` when no payment of this amount can be taken now */
export async function createRequest(deps: SyncDeps, terms: RequestTerms): Promise<OpenRequest> {
  const { device, randomBytes } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  const request = requestOf(terms, device.state.policy.country, device.deviceId, randomBytes(NONCE_BYTES))
  return device.change(async () => {
    const nowMs = device.clock.nowMs()
    const { currency, remaining } = limitsAt(nowMs, device.journal.entries, device.state)
    if (request.currency !== currency) throw new OfflineError('refused', { reason: 'currency_mismatch' })
    if (request.amount > remaining) throw new OfflineError('refused', { reason: 'limit_exceeded' })
    const kept = keptRequests(device.records)
    const encoded = encodePaymentRequest(request)
    const { merchantId, meta } = terms
    const one: KeptRequest = {
      request: toBase64url(encoded),
      madeAtMs: nowMs,
      ...(merchantId !== undefined && { merchantId }),
      ...(meta !== undefined && { meta }),
    }
    await kept.write([...(await kept.all()).filter((other) => isOpen(other, nowMs)), one])
    return { request: encoded, expiresAtMs: nowMs + SECOND_SIGNATURE_MINUTES * MINUTE_MS }
  })
}

/** An answer that was signed in time is scanned a moment later, also after a restart. */
const isOpen = ({ madeAtMs }: KeptRequest, nowMs: number): boolean =>
  Math.abs(nowMs - madeAtMs) <= 4 * SECOND_SIGNATURE_MINUTES * MINUTE_MS

function requestOf(
  terms: RequestTerms,
  country: Parameters<typeof canonicalWallet>[1],
  takerId: PaymentRequest['takerId'],
  requestId: Uint8Array,
): PaymentRequest {
  const { type, amount, currency } = terms
  const invalid = (detail: string) => new OfflineError('invalid_payment', { detail })
  if (!PAYMENT_TYPES.includes(type)) throw invalid('type')
  if (!isAmountMinor(amount)) throw invalid('amount')
  if (!isCurrency(currency)) throw invalid('currency')
  const receiver = canonicalWallet(terms.receiver, country)
  if (!receiver.ok) {
    const wallet = { field: 'receiver', fault: receiver.error } as const
    throw new OfflineError('invalid_payment', { detail: 'receiver', wallet })
  }
  return { type, amount: amountMinor(amount), currency, receiver: receiver.value, takerId, requestId }
}

/** A request that this device has shown, and nobody has answered with a payment yet. */
export interface AskedRequest extends PaymentRequest {
  readonly kept: KeptRequest
}

/** @returns undefined when this device has not asked, or too long ago */
export async function openRequest(
  { device }: Pick<SyncDeps, 'device'>,
  requestId: Uint8Array,
): Promise<AskedRequest | undefined> {
  const nowMs = device.clock.nowMs()
  for (const kept of await keptRequests(device.records).all()) {
    const read = parse(() => decodePaymentRequest(fromBase64url(kept.request)))
    if (read.ok && equalBytes(read.value.requestId, requestId)) {
      return isOpen(kept, nowMs) ? { ...read.value, kept } : undefined
    }
  }
  return undefined
}
