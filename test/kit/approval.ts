import { signDetached } from '../../src/crypto/sign1.ts'
import { approvalTerms, encodeApprovalHeader } from '../../src/protocol/approval.ts'
import { ES256, encodeDetached } from '../../src/protocol/cose.ts'
import { type DeviceId, deviceId } from '../../src/protocol/ids.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { randomBytes, type TestDevice } from './device.ts'

interface Bent {
  /** To sign another payment's terms. */
  readonly over?: Partial<Payment>
  readonly signedAtMs?: number
  readonly requestId?: Uint8Array
}

/** What an agent's device signs over a payment that a taker asks about. */
export function approve(agent: TestDevice, payment: Payment, takerId: DeviceId, bent: Bent = {}): Promise<Uint8Array> {
  const { over = {}, signedAtMs = payment.initiatedAtMs, requestId = randomBytes(16) } = bent
  const header = { alg: agent.signer.key.alg, kid: agent.kid, deviceId: agent.id, signedAtMs, requestId }
  const terms = approvalTerms({ ...payment, ...over }, takerId)
  return signDetached(agent.signer, encodeApprovalHeader(header), terms, 'molam-agent-approval-v1')
}

/** An approval of a device that nobody knows: its form is right, and nobody can say more. */
export function unverifiedApproval(signedAtMs: number, requestId: Uint8Array = randomBytes(16)): Uint8Array {
  const header = { alg: ES256, kid: new Uint8Array(8), deviceId: deviceId('AGENT-1'), signedAtMs, requestId }
  return encodeDetached({ protectedBytes: encodeApprovalHeader(header), signature: new Uint8Array(64) })
}
