import { signDetached } from '../../crypto/sign1.ts'
import {
  type ApprovalRequest,
  approvalTerms,
  decodeApprovalRequest,
  encodeApprovalHeader,
  encodeApprovalRequest,
} from '../../protocol/approval.ts'
import { NONCE_BYTES } from '../../protocol/limits.ts'
import { parse } from '../../protocol/parse.ts'
import { OfflineError } from './errors.ts'
import { type PaymentTerms, paymentOf } from './payment-terms.ts'
import { loadSigner, type SyncDeps, signing } from './sync/sync-deps.ts'

/**
 * An agent's approval of a large payment, at the counter and without a network: the taker shows a request, a device of the agent's
 * shows its person what it says and signs it, and the taker takes the payment with that.
 */
export interface AskedPayment extends Omit<ApprovalRequest, 'requestId' | 'amount' | 'currency'> {
  /** Minor units. */
  readonly amount: number
  readonly currency: string
}

/** @returns the payment that is to be approved, and the device that takes it; undefined when the bytes are no request */
export function readApprovalRequest(request: Uint8Array): AskedPayment | undefined {
  const read = parse(() => decodeApprovalRequest(request))
  if (!read.ok) return undefined
  const { requestId: _, ...asked } = read.value
  return asked
}

/** @throws OfflineError `not_ready`, `invalid_payment` */
export function approvalRequest({ device, randomBytes }: SyncDeps, terms: PaymentTerms): Uint8Array {
  if (!device.hasState) throw new OfflineError('not_ready')
  const { approval: _, ...asked } = terms
  const payment = paymentOf(asked, device.journal.nextCounter, device.clock.nowMs(), {
    takerId: device.deviceId,
    country: device.state.policy.country,
  })
  return encodeApprovalRequest({ ...payment, takerId: device.deviceId, requestId: randomBytes(NONCE_BYTES) })
}

/** @throws OfflineError `not_ready`, `consent_required`, `approval_invalid`, `key_missing`, `key_locked`, `key_mismatch` */
export async function approve(deps: SyncDeps, request: Uint8Array): Promise<Uint8Array> {
  const { device } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  const signedAtMs = device.clock.nowMs()
  const { paysUntilMs, ownerWallet } = device.state
  if (paysUntilMs === undefined || paysUntilMs <= signedAtMs) throw new OfflineError('consent_required')
  const read = parse(() => decodeApprovalRequest(request))
  if (!read.ok) throw new OfflineError('approval_invalid')
  const { takerId, sender, receiver, requestId } = read.value
  // The edge takes no approval by a party to the payment.
  if (takerId === device.deviceId || sender === ownerWallet || receiver === ownerWallet) {
    throw new OfflineError('approval_invalid')
  }
  const loaded = await loadSigner(deps)
  if (!loaded.ok) throw loaded.error.error
  const { signer, kid } = loaded.value
  const header = encodeApprovalHeader({ alg: signer.key.alg, kid, deviceId: device.deviceId, signedAtMs, requestId })
  const signed = await signing(() =>
    signDetached(signer, header, approvalTerms(read.value, takerId), 'molam-agent-approval-v1'),
  )
  if (!signed.ok) throw signed.error.error
  return signed.value
}
