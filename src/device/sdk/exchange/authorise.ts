import { compressKey } from '../../../crypto/compressed-key.ts'
import { signDetached } from '../../../crypto/sign1.ts'
import { authorizationTerms, type Covered, encodeAuthorizationHeader, mayPay } from '../../../protocol/authorization.ts'
import { equalBytes, fromBase64url, toBase64url } from '../../../protocol/bytes.ts'
import type { Alg } from '../../../protocol/cose.ts'
import { amountMinor } from '../../../protocol/money.ts'
import { parse } from '../../../protocol/parse.ts'
import { isValidAt, type Pass, passIn } from '../../../protocol/pass.ts'
import {
  decodePaymentRequest,
  encodePaymentAnswer,
  encodePaymentRequest,
  type PaymentRequest,
} from '../../../protocol/payment-request.ts'
import { OfflineError } from '../errors.ts'
import { loadSigner, type SyncDeps, signing } from '../sync/sync-deps.ts'
import { countsUnder } from './allowance.ts'
import { type KeptAuthorization, keptAuthorizations } from './kept.ts'

/** What a till asks of a payer: to be shown in large type before anything is signed. */
export interface AskedOfPayer extends Omit<PaymentRequest, 'requestId' | 'amount' | 'currency'> {
  /** Minor units. */
  readonly amount: number
  readonly currency: string
}

/** Asks the person who holds the phone, by PIN, fingerprint or face. @returns whether the person said yes */
export type UserPresence = (asked: AskedOfPayer) => Promise<boolean>

/** @returns what the till asks; undefined when the bytes are no request */
export function readRequest(request: Uint8Array): AskedOfPayer | undefined {
  const read = parse(() => decodePaymentRequest(request))
  if (!read.ok) return undefined
  const { requestId: _, ...asked } = read.value
  return asked
}

/**
 * Signs what a till asks, as the payer. What is about to be signed is on disk before it is signed, and the signature before anybody is
 * shown it; the same request again gets the same answer.
 *
 * @returns what the till scans
 * @throws OfflineError `not_ready`, `pass_required`, `request_invalid`, `refused`, `not_confirmed`, and what a key store throws
 */
export async function authorise(deps: SyncDeps, encoded: Uint8Array, isPresent: UserPresence): Promise<Uint8Array> {
  const { device } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  const read = parse(() => decodePaymentRequest(encoded))
  if (!read.ok) throw new OfflineError('request_invalid')
  const asked = read.value
  const before = await device.change(() => signedBefore(deps, asked))
  if (before?.authorization !== undefined) return answerOf(before)
  assertMayPay(deps, asked)
  const { requestId: _, ...shown } = asked
  if (!(await isPresent(shown))) throw new OfflineError('not_confirmed')
  const loaded = await loadSigner(deps)
  if (!loaded.ok) throw loaded.error.error
  const { signer } = loaded.value
  const key = compressKey(signer.key)
  if (key === undefined || !equalBytes(key, assertMayPay(deps, asked).key)) throw new OfflineError('pass_required')
  const begun = await device.change(() => begin(deps, asked))
  if (begun.authorization !== undefined) return answerOf(begun)
  const { header, terms } = toSign(begun, asked, signer.key.alg)
  const signed = await signing(() => signDetached(signer, header, terms, 'molam-payer-authorization-v1'))
  if (!signed.ok) throw signed.error.error
  return answerOf(await device.change(() => finish(deps, begun, signed.value)))
}

/** The pass that the edge gave last. */
export const currentPass = ({ device }: Pick<SyncDeps, 'device'>): Pass | undefined =>
  device.hasState ? passIn(device.state.pass) : undefined

function assertMayPay(deps: SyncDeps, asked: PaymentRequest): Pass {
  const { device } = deps
  const pass = currentPass(deps)
  const { ownerWallet } = device.state
  if (pass === undefined || !isValidAt(pass, device.clock.nowMs(), 0)) throw new OfflineError('pass_required')
  if (asked.takerId === device.deviceId || asked.receiver === ownerWallet) throw new OfflineError('request_invalid')
  if (asked.currency !== pass.currency) throw new OfflineError('refused', { reason: 'currency_mismatch' })
  if (!mayPay(pass, { ...asked, sender: pass.wallet })) throw new OfflineError('refused', { reason: 'limit_exceeded' })
  return pass
}

/** @throws OfflineError `request_invalid` when something else was signed under its id: the answer to that is none to this */
async function signedBefore({ device }: SyncDeps, asked: PaymentRequest): Promise<KeptAuthorization | undefined> {
  const all = await keptAuthorizations(device.records).all()
  const request = toBase64url(encodePaymentRequest(asked))
  const isOfThisId = (one: KeptAuthorization) =>
    equalBytes(decodePaymentRequest(fromBase64url(one.request)).requestId, asked.requestId)
  const before = all.find(isOfThisId)
  if (before !== undefined && before.request !== request) throw new OfflineError('request_invalid')
  return before
}

/** Takes the next place under the allowance: one that was taken and not signed stays used, because a signature may be somewhere. */
async function begin(deps: SyncDeps, asked: PaymentRequest): Promise<KeptAuthorization> {
  const { device } = deps
  const before = await signedBefore(deps, asked)
  if (before !== undefined) return before
  const pass = assertMayPay(deps, asked)
  const kept = keptAuthorizations(device.records)
  const all = await kept.all()
  const covered = (await countsUnder(device.records, pass)) ? nextPlace(all, pass, asked.amount) : undefined
  const one: KeptAuthorization = {
    request: toBase64url(encodePaymentRequest(asked)),
    signedAtMs: 1000 * Math.floor(device.clock.nowMs() / 1000),
    pass: toBase64url(device.state.pass ?? new Uint8Array()),
    ...(covered && { covered }),
  }
  await kept.write([...all, one])
  return one
}

/** @returns undefined when the pass has no allowance, or too little is left of it: the payment is then signed without */
export function nextPlace(
  all: readonly KeptAuthorization[],
  { allowance }: Pass,
  amount: number,
): KeptAuthorization['covered'] {
  if (allowance === undefined) return undefined
  const under = all.flatMap(({ covered }) => (covered?.allowanceNo === allowance.no ? [covered] : []))
  const n = 1 + Math.max(0, ...under.map((one) => one.n))
  const spent = amount + Math.max(0, ...under.map((one) => one.spent))
  return spent > allowance.ceiling ? undefined : { allowanceNo: allowance.no, n, spent }
}

function toSign({ signedAtMs, covered, pass }: KeptAuthorization, asked: PaymentRequest, alg: Alg) {
  const place: Covered | undefined = covered && { n: covered.n, spent: amountMinor(covered.spent) }
  const { requestId, takerId } = asked
  const header = { alg, signedAtMs, requestId, ...(place && { covered: place }) }
  const sender = passIn(fromBase64url(pass))?.wallet ?? ''
  return {
    header: encodeAuthorizationHeader(header),
    terms: authorizationTerms({ ...asked, sender }, takerId, covered?.allowanceNo ?? null),
  }
}

async function finish({ device }: SyncDeps, begun: KeptAuthorization, signature: Uint8Array) {
  const kept = keptAuthorizations(device.records)
  const signed = { ...begun, authorization: toBase64url(signature) }
  const all = await kept.all()
  const known = all.find(({ request }) => request === begun.request)
  // Two contexts have signed the same place: the first one is shown.
  if (known?.authorization !== undefined) return known
  await kept.write(all.map((one) => (one.request === begun.request ? signed : one)))
  return signed
}

/** What a payer's phone has signed. Whether the till has taken it, and what came of it, the book says. */
export interface SignedPayment extends AskedOfPayer {
  /** UTC milliseconds. */
  readonly signedAtMs: number
  /** Whether the allowance covers it. */
  readonly covered: boolean
  /** Whether it was shown: a place may have been taken and nothing signed. */
  readonly signed: boolean
}

export async function signedPayments({ device }: Pick<SyncDeps, 'device'>): Promise<readonly SignedPayment[]> {
  const all = await device.change(() => keptAuthorizations(device.records).all())
  return [...all].reverse().map(({ request, signedAtMs, covered, authorization }) => {
    const { requestId: _, ...asked } = decodePaymentRequest(fromBase64url(request))
    return { ...asked, signedAtMs, covered: covered !== undefined, signed: authorization !== undefined }
  })
}

const answerOf = ({ pass, authorization = '' }: KeptAuthorization): Uint8Array =>
  encodePaymentAnswer({ pass: fromBase64url(pass), authorization: fromBase64url(authorization) })
