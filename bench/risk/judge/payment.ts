import { authorizationTerms, encodeAuthorizationHeader } from '../../../src/protocol/authorization.ts'
import { ES256, encodeSign1 } from '../../../src/protocol/cose.ts'
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

/** The payment as its device records it. Signatures have their form only: here a forged one is one that is not there. */
export function paymentOf({ type, amount, sender, receiver, atMs, datedMs, signed }: Intent, counter: number): Payment {
  const terms = { type, amount: amount as AmountMinor, currency: POLICY.currency, sender, receiver }
  return {
    counter,
    method: 'wallet',
    ...terms,
    initiatedAtMs: datedMs ?? atMs,
    ...(amount > POLICY.requireAgentApprovalAbove && { approval: 'A-1' }),
    ...(signed && {
      authorization: encodeSign1({ protectedBytes: HEADER, payload: authorizationTerms(terms), signature: SIGNATURE }),
    }),
  }
}
