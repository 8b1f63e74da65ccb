import { type CborValue, encodeCbor, MalformedCbor } from './cbor.ts'
import { type Alg, HEADER_ALG, HEADER_CLAIMS, isAlg, parseDetached, type Sign1 } from './cose.ts'
import type { DeviceId } from './ids.ts'
import { AUTHORIZATION_BYTES_MAX, NONCE_BYTES, SECONDS_MAX } from './limits.ts'
import { type AmountMinor, amountMinor } from './money.ts'
import { parse } from './parse.ts'
import { type Pass, passIn } from './pass.ts'
import type { Payment } from './payment.ts'
import { bytes, int, map, positive, uint } from './shape.ts'

/**
 * A payer's authorization (docs/protocol.md §5.5): a COSE_Sign1 by the payer's own device over the terms of one payment and the device
 * that takes it, carried in the payment beside the payer's pass, which gives the device and its key. The payload is detached, because
 * the payment itself gives the terms.
 */
export interface AuthorizationHeader {
  readonly alg: Alg
  /** By the payer's clock, whole seconds. */
  readonly signedAtMs: number
  /** 16 random bytes of the taker's: a request is good for one payment. */
  readonly requestId: Uint8Array
  /** What of the pass's allowance it uses up. */
  readonly covered?: Covered
}

/** The place of an authorization among those under one allowance. */
export interface Covered {
  /** 1, 2, 3 … */
  readonly n: number
  /** The sum of them all, with this one. */
  readonly spent: AmountMinor
}

export interface Authorization extends Sign1 {
  readonly claims: AuthorizationHeader
  /** Nobody has looked at its signature yet. */
  readonly pass: Pass
}

type Terms = Pick<Payment, 'type' | 'amount' | 'currency' | 'sender' | 'receiver'>

const N = -1
const SPENT = -2

/**
 * The detached payload of the COSE_Sign1 with `external_aad` `molam-payer-authorization-v1`.
 *
 * @param takerId the device that takes the payment
 * @param allowanceNo of the pass; null when it has no allowance, or the payment uses up nothing of it
 */
export function authorizationTerms(terms: Terms, takerId: DeviceId, allowanceNo: number | null): Uint8Array {
  const { type, amount, currency, sender, receiver } = terms
  return encodeCbor([type, amount, currency, sender, receiver, takerId, allowanceNo])
}

export function encodeAuthorizationHeader({ alg, signedAtMs, requestId, covered }: AuthorizationHeader): Uint8Array {
  const claims = new Map<number, CborValue>([
    [6, Math.floor(signedAtMs / 1000)],
    [7, requestId],
  ])
  if (covered !== undefined) claims.set(N, covered.n).set(SPENT, covered.spent)
  return encodeCbor(
    new Map<number, CborValue>([
      [HEADER_ALG, alg],
      [HEADER_CLAIMS, claims],
    ]),
  )
}

/**
 * The authorization that a payment carries, if it and the pass beside it have the form of one and the pass lets it pay this. The
 * signatures of both are looked at by whoever knows the edge's keys.
 */
export function authorizationOf(payment: Payment, takerId: DeviceId): Authorization | undefined {
  const { authorization } = payment
  const pass = passIn(payment.pass)
  if (authorization === undefined || pass === undefined) return undefined
  const parsed = parse(() => parseAuthorization(authorization))
  if (!parsed.ok || !mayPay(pass, payment, parsed.value.claims.covered) || pass.deviceId === takerId) return undefined
  const allowanceNo = parsed.value.claims.covered === undefined ? null : (pass.allowance?.no ?? null)
  return { ...parsed.value, pass, payload: authorizationTerms(payment, takerId, allowanceNo) }
}

/** Whether a pass is for this payment at all. */
export function mayPay(pass: Pass, { sender, currency, amount }: Omit<Terms, 'type' | 'receiver'>, covered?: Covered) {
  if (pass.wallet !== sender || pass.currency !== currency || amount > pass.paymentMax) return false
  if (covered === undefined) return true
  return pass.allowance !== undefined && covered.spent >= amount && covered.spent <= pass.allowance.ceiling
}

/** Nothing of it is verified. @throws MalformedCbor */
export function parseAuthorization(encoded: Uint8Array): Omit<Authorization, 'payload' | 'pass'> {
  if (encoded.length > AUTHORIZATION_BYTES_MAX) throw new MalformedCbor('authorization')
  const sign1 = parseDetached(encoded)
  const header = map(sign1.header, 'authorization', [HEADER_ALG, HEADER_CLAIMS])
  const alg = int(header.get(HEADER_ALG), 'alg')
  if (!isAlg(alg)) throw new MalformedCbor('alg')
  const claims = map(header.get(HEADER_CLAIMS), 'authorization.claims', [6, 7], [N, SPENT])
  if (claims.has(N) !== claims.has(SPENT)) throw new MalformedCbor('authorization.spent')
  return {
    ...sign1,
    claims: {
      alg,
      signedAtMs: 1000 * uint(claims.get(6), 'authorization.iat', SECONDS_MAX),
      requestId: bytes(claims.get(7), 'authorization.cti', NONCE_BYTES),
      ...(claims.has(N) && {
        covered: {
          n: positive(claims.get(N), 'authorization.n'),
          spent: amountMinor(positive(claims.get(SPENT), 'authorization.spent')),
        },
      }),
    },
  }
}
