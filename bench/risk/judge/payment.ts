import { encodeApprovalHeader } from '../../../src/protocol/approval.ts'
import { authorizationTerms, encodeAuthorizationHeader } from '../../../src/protocol/authorization.ts'
import { ES256, encodeDetached, encodeSign1 } from '../../../src/protocol/cose.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import { KEY_ID_BYTES, NONCE_BYTES } from '../../../src/protocol/limits.ts'
import type { AmountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { Intent } from '../actor.ts'
import { POLICY } from './policy.ts'

const HEADER = encodeAuthorizationHeader({
  alg: ES256,
  kid: new Uint8Array(KEY_ID_BYTES),
  deviceId: deviceId('PHONE'),
  nonce: new Uint8Array(NONCE_BYTES),
})
const SIGNATURE = new Uint8Array(64)

/** Each is the answer to a request of its own. */
function approvalAt(signedAtMs: number, counter: number): Uint8Array {
  const requestId = new Uint8Array(NONCE_BYTES)
  new DataView(requestId.buffer).setUint32(0, counter)
  const header = { alg: ES256, kid: new Uint8Array(KEY_ID_BYTES), deviceId: deviceId('AGENT'), signedAtMs, requestId }
  return encodeDetached({ protectedBytes: encodeApprovalHeader(header), signature: SIGNATURE })
}

/** The payment as its device records it. Signatures have their form only: here a forged one is one that is not there. */
export function paymentOf({ type, amount, sender, receiver, atMs, datedMs, signed }: Intent, counter: number): Payment {
  const terms = { type, amount: amount as AmountMinor, currency: POLICY.currency, sender, receiver }
  return {
    counter,
    method: 'wallet',
    ...terms,
    initiatedAtMs: datedMs ?? atMs,
    ...(amount > POLICY.requireAgentApprovalAbove && { approval: approvalAt(datedMs ?? atMs, counter) }),
    ...(signed && {
      authorization: encodeSign1({ protectedBytes: HEADER, payload: authorizationTerms(terms), signature: SIGNATURE }),
    }),
  }
}
