import { encodeEdgeHeader } from '../../../src/crypto/sign1.ts'
import { encodeApprovalHeader } from '../../../src/protocol/approval.ts'
import { encodeAuthorizationHeader } from '../../../src/protocol/authorization.ts'
import { ES256, encodeDetached, encodeSign1 } from '../../../src/protocol/cose.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import { KEY_ID_BYTES, NONCE_BYTES } from '../../../src/protocol/limits.ts'
import { type AmountMinor, amountMinor } from '../../../src/protocol/money.ts'
import { encodePass } from '../../../src/protocol/pass.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { Intent } from '../actor.ts'
import { POLICY } from './policy.ts'

const SIGNATURE = new Uint8Array(64)
const DAY_MS = 86_400_000

/** Each is the answer to a request of its own. */
function approvalAt(signedAtMs: number, counter: number): Uint8Array {
  const requestId = new Uint8Array(NONCE_BYTES)
  new DataView(requestId.buffer).setUint32(0, counter)
  const header = { alg: ES256, kid: new Uint8Array(KEY_ID_BYTES), deviceId: deviceId('AGENT'), signedAtMs, requestId }
  return encodeDetached({ protectedBytes: encodeApprovalHeader(header), signature: SIGNATURE })
}

function signedBy(wallet: string, atMs: number): Pick<Payment, 'authorization' | 'pass'> {
  const fromMs = 1000 * Math.floor(atMs / 1000)
  const pass = encodePass({
    ...{ wallet, deviceId: deviceId('PHONE'), key: Uint8Array.of(2, ...new Uint8Array(32)), fromMs },
    ...{ untilMs: fromMs + DAY_MS, currency: POLICY.currency, level: 'none' },
    paymentMax: amountMinor(POLICY.maxOfflineAmount),
  })
  const header = { alg: ES256, signedAtMs: atMs, requestId: new Uint8Array(NONCE_BYTES) } as const
  const edge = encodeEdgeHeader(ES256, new Uint8Array(KEY_ID_BYTES))
  return {
    pass: encodeSign1({ protectedBytes: edge, payload: pass, signature: SIGNATURE }),
    authorization: encodeDetached({ protectedBytes: encodeAuthorizationHeader(header), signature: SIGNATURE }),
  }
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
    ...(signed && signedBy(sender, datedMs ?? atMs)),
  }
}
