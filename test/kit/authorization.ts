import { signSign1 } from '../../src/crypto/sign1.ts'
import { authorizationTerms, encodeAuthorizationHeader } from '../../src/protocol/authorization.ts'
import { ES256, encodeSign1 } from '../../src/protocol/cose.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { randomBytes, type TestDevice } from './device.ts'

/** What a payer's device signs over a payment. @param over to sign another payment's terms */
export function authorize(payer: TestDevice, payment: Payment, over: Partial<Payment> = {}): Promise<Uint8Array> {
  const header = { alg: payer.signer.key.alg, kid: payer.kid, deviceId: payer.id, nonce: randomBytes(16) }
  const terms = authorizationTerms({ ...payment, ...over })
  return signSign1(payer.signer, encodeAuthorizationHeader(header), terms, 'molam-payer-authorization-v1')
}

/** An authorization of a device that nobody knows: form and terms are right, and nobody can say more. */
export function unverified(payment: Payment): Uint8Array {
  const header = { alg: ES256, kid: new Uint8Array(8), deviceId: deviceId('PHONE-1'), nonce: new Uint8Array(16) }
  const protectedBytes = encodeAuthorizationHeader(header)
  return encodeSign1({ protectedBytes, payload: authorizationTerms(payment), signature: new Uint8Array(64) })
}
