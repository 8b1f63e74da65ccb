import { signDetached } from '../../../../src/crypto/sign1.ts'
import type { Signer } from '../../../../src/crypto/suite.ts'
import type { OfflineSDK, RequestTerms } from '../../../../src/device/sdk/index.ts'
import {
  type AuthorizationHeader,
  authorizationTerms,
  encodeAuthorizationHeader,
} from '../../../../src/protocol/authorization.ts'
import { fromBase64url, toBase64url } from '../../../../src/protocol/bytes.ts'
import type { DeviceId } from '../../../../src/protocol/ids.ts'
import { amountMinor } from '../../../../src/protocol/money.ts'
import type { Pass } from '../../../../src/protocol/pass.ts'
import type { Payment } from '../../../../src/protocol/payment.ts'
import { decodePaymentRequest, encodePaymentAnswer } from '../../../../src/protocol/payment-request.ts'
import { OWNER } from '../edge.ts'
import { Rig } from '../rig.ts'

export const PAYER = '+221770000001'
export const ALLOWANCE: Partial<Pass> = { allowance: { no: 1, ceiling: amountMinor(50_000) } }

/** What a till asks for. */
export const asking = (amount: number, over: Partial<RequestTerms> = {}): RequestTerms => ({
  ...{ type: 'merchant', amount, currency: 'XOF', receiver: OWNER },
  ...over,
})

/** A till and a customer's phone that have both been in contact once, and have no network any more. */
export class Counter {
  readonly tillRig: Rig
  readonly phoneRig: Rig
  till!: OfflineSDK
  phone!: OfflineSDK

  private constructor(tillRig: Rig, phoneRig: Rig) {
    this.tillRig = tillRig
    this.phoneRig = phoneRig
  }

  /** @param pass what the edge's pass for the phone says besides */
  static async open(pass: Partial<Pass> = {}): Promise<Counter> {
    const till = await Rig.create()
    const phone = await till.phone()
    // That of an allowance is given once the phone has asked for it.
    const { allowance: _, ...given } = pass
    phone.edge.pass = given
    const counter = new Counter(till, phone)
    counter.till = await till.started()
    counter.phone = await phone.started()
    const { allowance } = pass
    if (allowance) await counter.phone.requestAllowance({ amount: allowance.ceiling, userPresence: async () => true })
    await counter.phone.syncNow()
    till.edge.weather = 'offline'
    phone.edge.weather = 'offline'
    return counter
  }

  async request(amount: number): Promise<Uint8Array> {
    return (await this.till.createRequest(asking(amount))).request
  }

  async pay(amount: number) {
    return this.till.acceptAuthorization(await this.phone.authorize(await this.request(amount)))
  }

  async restartTill(): Promise<void> {
    this.till = await this.tillRig.started()
  }

  async restartPhone(): Promise<void> {
    this.phone = await this.phoneRig.started()
  }
}

/** What a QR code carries: text. */
export const shown = (bytes: Uint8Array): Uint8Array => fromBase64url(toBase64url(bytes))

/** What an answer that is not taken rejects with. */
export const fault = (fault: string) => ({ code: 'authorization_invalid', money: 'not_taken', fault })

export interface Forged {
  readonly pass?: Partial<Pass>
  readonly header?: Partial<AuthorizationHeader>
  /** To sign other terms than the request's. */
  readonly over?: Partial<Payment>
  readonly takerId?: DeviceId
  /** Not the phone's own key. */
  readonly signer?: Signer
}

/** What a phone that says anything answers to a request: it signs what it likes, and has the passes that the edge gives it. */
export async function forge({ phoneRig }: Counter, request: Uint8Array, forged: Forged = {}): Promise<Uint8Array> {
  const { takerId, requestId, ...asked } = decodePaymentRequest(request)
  const pass = { ...phoneRig.edge.pass, ...forged.pass }
  const signer = forged.signer ?? (await phoneRig.signer())
  const header = { alg: signer.key.alg, signedAtMs: phoneRig.timeMs, requestId, ...forged.header }
  const allowanceNo = header.covered === undefined ? null : (pass.allowance?.no ?? null)
  const payment = { ...asked, sender: pass.wallet ?? PAYER, ...forged.over }
  const terms = authorizationTerms(payment, forged.takerId ?? takerId, allowanceNo)
  return encodePaymentAnswer({
    pass: await phoneRig.edge.signPass(pass),
    authorization: await signDetached(signer, encodeAuthorizationHeader(header), terms, 'molam-payer-authorization-v1'),
  })
}
