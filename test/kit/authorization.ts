import { compressKey } from '../../src/crypto/compressed-key.ts'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { signPass } from '../../src/crypto/pass.ts'
import { encodeEdgeHeader, signDetached } from '../../src/crypto/sign1.ts'
import {
  type AuthorizationHeader,
  authorizationTerms,
  encodeAuthorizationHeader,
} from '../../src/protocol/authorization.ts'
import { ES256, encodeDetached, encodeSign1 } from '../../src/protocol/cose.ts'
import { type DeviceId, deviceId } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import { encodePass, type Pass, passIn } from '../../src/protocol/pass.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { DAY_MS, HOUR_MS } from '../../src/protocol/time.ts'
import { randomBytes, type TestDevice } from './device.ts'

/** The edge's receipt key, by which kits of stacks sign passes as the edge does in its notices. */
let receiptKeys: Pick<KeyProvider, 'receiptSigner'> | undefined

export function signPassesWith(keys: Pick<KeyProvider, 'receiptSigner'>): void {
  receiptKeys = keys
}

/** What a pass of a phone says when a test has no other wish. */
export function passOf(phone: TestDevice, atMs = Date.now(), over: Partial<Pass> = {}): Pass {
  const fromMs = 1000 * Math.floor((atMs - HOUR_MS) / 1000)
  return {
    wallet: phone.ownerWallet,
    deviceId: phone.id,
    key: compressKey(phone.signer.key) ?? new Uint8Array(),
    ...{ fromMs, untilMs: fromMs + 7 * DAY_MS, currency: currency('XOF'), level: 'none' },
    paymentMax: amountMinor(200_000),
    ...over,
  }
}

export async function passFor(phone: TestDevice, atMs?: number, over: Partial<Pass> = {}): Promise<Uint8Array> {
  if (receiptKeys === undefined) throw new Error('no kit has said by which key passes are signed')
  const { signer, kid } = await receiptKeys.receiptSigner()
  return signPass(signer, kid, passOf(phone, atMs, over))
}

export interface Bent {
  /** To sign another payment's terms. */
  readonly over?: Partial<Payment>
  readonly header?: Partial<AuthorizationHeader>
  readonly pass?: Partial<Pass>
  /** A pass that the edge itself gave, or any bytes in the place of one. */
  readonly shown?: Uint8Array
}

/** A payment with its payer's pass, and what the payer's device signs over the payment and its taker. */
export async function authorized(
  payer: TestDevice,
  payment: Payment,
  takerId: DeviceId,
  { over = {}, header = {}, pass = {}, shown }: Bent = {},
): Promise<Payment> {
  const claims = { alg: payer.signer.key.alg, signedAtMs: payment.initiatedAtMs, requestId: randomBytes(16), ...header }
  const carried = shown ?? (await passFor(payer, payment.initiatedAtMs, pass))
  const allowanceNo = claims.covered === undefined ? null : (passIn(carried)?.allowance?.no ?? null)
  const terms = authorizationTerms({ ...payment, ...over }, takerId, allowanceNo)
  return {
    ...payment,
    pass: carried,
    authorization: await signDetached(
      payer.signer,
      encodeAuthorizationHeader(claims),
      terms,
      'molam-payer-authorization-v1',
    ),
  }
}

/** A pass that nobody has signed, and what a device has signed that nobody knows: their forms are right, and nobody can say more. */
export function unverified(payment: Payment): Payment {
  const protectedBytes = encodeAuthorizationHeader({
    alg: ES256,
    signedAtMs: payment.initiatedAtMs,
    requestId: randomBytes(16),
  })
  const signature = new Uint8Array(64)
  const fromMs = 1000 * Math.floor((payment.initiatedAtMs - HOUR_MS) / 1000)
  const pass = encodePass({
    ...{ wallet: payment.sender, deviceId: deviceId('PHONE-1'), key: Uint8Array.of(2, ...new Uint8Array(32)) },
    ...{ fromMs, untilMs: fromMs + 7 * DAY_MS, currency: payment.currency, level: 'none' },
    paymentMax: amountMinor(Number.MAX_SAFE_INTEGER),
  })
  return {
    ...payment,
    pass: encodeSign1({ protectedBytes: encodeEdgeHeader(ES256, new Uint8Array(8)), payload: pass, signature }),
    authorization: encodeDetached({ protectedBytes, signature }),
  }
}
