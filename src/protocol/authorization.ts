import { equalBytes } from './bytes.ts'
import { type CborValue, encodeCbor, MalformedCbor } from './cbor.ts'
import { HEADER_ALG, HEADER_CLAIMS, HEADER_KID, parseSign1, readAlgKid, type Sign1 } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { NONCE_BYTES } from './limits.ts'
import { parse } from './parse.ts'
import type { Payment } from './payment.ts'
import { bytes, map } from './shape.ts'

/**
 * A payer's authorization: a COSE_Sign1 made by the payer's own device over the terms of one payment, carried in the
 * payment that another device (a merchant's POS) records. Its payload is the terms, so a reader compares bytes; its
 * nonce makes it good for one payment only.
 */
export interface AuthorizationHeader {
  readonly alg: number
  readonly kid: Uint8Array
  /** The payer's device. */
  readonly deviceId: DeviceId
  readonly nonce: Uint8Array
}

export interface Authorization extends Sign1 {
  readonly claims: AuthorizationHeader
}

/** The terms that the payer signs; the counter is not among them because the payer's device cannot know it. */
export function authorizationTerms(payment: Pick<Payment, 'type' | 'amount' | 'currency' | 'sender' | 'receiver'>) {
  return encodeCbor([payment.type, payment.amount, payment.currency, payment.sender, payment.receiver])
}

export function encodeAuthorizationHeader(header: AuthorizationHeader): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [HEADER_ALG, header.alg],
      [HEADER_KID, header.kid],
      [
        HEADER_CLAIMS,
        new Map<number | string, CborValue>([
          [1, header.deviceId],
          ['nonce', header.nonce],
        ]),
      ],
    ]),
  )
}

/**
 * The authorization that a payment carries, if it has the form of one and is over this payment's terms. Its signature is
 * looked at by whoever knows the payer's key.
 */
export function authorizationOf(payment: Payment): Authorization | undefined {
  const { authorization } = payment
  if (authorization === undefined) return undefined
  const parsed = parse(() => parseAuthorization(authorization))
  return parsed.ok && equalBytes(parsed.value.payload, authorizationTerms(payment)) ? parsed.value : undefined
}

/** @throws MalformedCbor */
export function parseAuthorization(encoded: Uint8Array): Authorization {
  const sign1 = parseSign1(encoded)
  const header = map(sign1.header, 'authorization', [HEADER_ALG, HEADER_KID, HEADER_CLAIMS])
  const claims = map(header.get(HEADER_CLAIMS), 'authorization.claims', [1, 'nonce'])
  const deviceId = claims.get(1)
  if (!isDeviceId(deviceId)) throw new MalformedCbor('authorization.iss')
  const nonce = bytes(claims.get('nonce'), 'authorization.nonce', NONCE_BYTES)
  return { ...sign1, claims: { ...readAlgKid(header), deviceId, nonce } }
}
