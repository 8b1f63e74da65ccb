import { equalBytes } from '../../../src/protocol/bytes.ts'
import { paysUntil } from '../../../src/protocol/consent.ts'
import type { PayerHeader } from '../../../src/protocol/payer-header.ts'
import type { Device } from '../device.ts'

/** Why what a device signed is not the word of the wallet's holder. */
export type PayerFault = 'invalid_signature' | 'consent_required' | 'device_suspended' | 'device_revoked'

/** @param claims of a statement whose signature holds; the Worker may have verified it with a copy that is not true any more */
export function faultOfPayer(device: Device, claims: PayerHeader, nowMs: number): PayerFault | undefined {
  // A key that was replaced may be in other hands, and nothing says when it signed.
  if (!equalBytes(device.kid, claims.kid) || device.alg !== claims.alg) return 'invalid_signature'
  if (device.status !== 'active') return device.status === 'revoked' ? 'device_revoked' : 'device_suspended'
  const untilMs = paysUntil(device.consents, claims.kid, nowMs)
  return untilMs === undefined || untilMs < nowMs ? 'consent_required' : undefined
}
