import { openPass } from '../../../crypto/pass.ts'
import { verifySign1 } from '../../../crypto/sign1.ts'
import { isTimely } from '../../../protocol/approval.ts'
import { authorizationTerms, type Covered, mayPay, parseAuthorization } from '../../../protocol/authorization.ts'
import { equalBytes } from '../../../protocol/bytes.ts'
import { parse } from '../../../protocol/parse.ts'
import { isValidAt, type Pass, passIn } from '../../../protocol/pass.ts'
import { decodePaymentAnswer, type PaymentAnswer } from '../../../protocol/payment-request.ts'
import { MINUTE_MS } from '../../../protocol/time.ts'
import { OfflineError } from '../errors.ts'
import type { PaymentTerms } from '../payment-terms.ts'
import type { Entry } from '../store/entry.ts'
import type { SyncDeps } from '../sync/sync-deps.ts'
import { type AskedRequest, openRequest } from './request.ts'

/**
 * Why a payer's answer is not taken.
 *
 * - `unreadable`: the code is none of a payer's phone, or was read in part only
 * - `not_asked`: it answers another till, or a request that is not open any more
 * - `pass_unknown`: the edge has not signed the pass, or with a key that this device does not know yet: a sync may bring it
 * - `pass_expired`: the pass is over, or begins later
 * - `not_allowed`: the pass does not let this be paid: the amount, the currency, or what is left of the allowance
 * - `too_old`: it was signed longer ago than a customer stands at a counter
 * - `false_signature`: the phone that the pass names has not signed this
 * - `spent_before`: what it says of the allowance does not follow what this till has seen of that phone
 * - `same_wallet`: the payer's wallet is the one that would be credited
 */
export type AuthorizationFault =
  | 'unreadable'
  | 'not_asked'
  | 'pass_unknown'
  | 'pass_expired'
  | 'not_allowed'
  | 'too_old'
  | 'false_signature'
  | 'spent_before'
  | 'same_wallet'

/** An answer whose signatures hold, to a request of this device. */
export interface VerifiedAnswer {
  readonly terms: PaymentTerms
  readonly answer: PaymentAnswer
}

const refuse = (fault: AuthorizationFault): never => {
  throw new OfflineError('authorization_invalid', { detail: fault })
}

/** @throws OfflineError `authorization_invalid`, its `detail` an `AuthorizationFault`; `not_ready` */
export async function verifyAnswer(deps: SyncDeps, encoded: Uint8Array): Promise<VerifiedAnswer> {
  const { device, suite, trust } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  const { state, clock, journal, deviceId } = device
  const { answer, signed, pass: claimed } = readAnswer(encoded)
  const asked = (await openRequest(deps, signed.claims.requestId)) ?? refuse('not_asked')
  const opened = await openPass(suite, answer.pass, await trust.receiptKeys(state.keys))
  if (opened === undefined) return refuse('pass_unknown')
  const { pass, key } = opened
  const skewMs = state.policy.maxClockSkewMinutes * MINUTE_MS
  if (!isValidAt(pass, clock.nowMs(), skewMs)) refuse('pass_expired')
  if (claimed.wallet === asked.receiver) refuse('same_wallet')
  const terms = termsOf(asked, pass)
  const { covered } = signed.claims
  const isOwn = pass.deviceId === deviceId
  if (isOwn || !mayPay(pass, { ...asked, sender: pass.wallet }, covered)) refuse('not_allowed')
  if (!isTimely(signed, { initiatedAtMs: clock.nowMs() }, state.policy)) refuse('too_old')
  const allowanceNo = covered === undefined ? null : (pass.allowance?.no ?? null)
  const payload = authorizationTerms({ ...asked, sender: pass.wallet }, deviceId, allowanceNo)
  const isTheirs =
    key.alg === signed.claims.alg &&
    (await verifySign1(await suite.verifier(key), { ...signed, payload }, 'molam-payer-authorization-v1'))
  if (!isTheirs) refuse('false_signature')
  if (covered !== undefined && contradicts(journal.entries, pass, covered, signed.claims.requestId)) {
    refuse('spent_before')
  }
  return { terms, answer }
}

function readAnswer(encoded: Uint8Array) {
  const read = parse(() => {
    const answer = decodePaymentAnswer(encoded)
    return { answer, signed: parseAuthorization(answer.authorization), pass: passIn(answer.pass) }
  })
  if (!read.ok || read.value.pass === undefined) return refuse('unreadable')
  const { answer, signed, pass } = read.value
  return { answer, signed, pass }
}

function termsOf({ type, amount, currency, receiver, kept }: AskedRequest, pass: Pass): PaymentTerms {
  const { merchantId, meta } = kept
  return {
    ...{ type, amount, currency, receiver, sender: pass.wallet, method: 'qr' },
    ...(merchantId !== undefined && { merchantId }),
    ...(meta !== undefined && { meta }),
  }
}

/** A phone counts on from one till to the next: what this till has seen of an allowance is less, in number and in sum. */
function contradicts(entries: readonly Entry[], pass: Pass, { n, spent }: Covered, requestId: Uint8Array): boolean {
  return entries.some(({ payment, voided }) => {
    const other = passIn(payment?.pass)
    if (payment?.authorization === undefined || voided || other?.deviceId !== pass.deviceId) return false
    const { authorization } = payment
    const before = parse(() => parseAuthorization(authorization))
    if (!before.ok || before.value.claims.covered === undefined) return false
    if (other.allowance?.no !== pass.allowance?.no || equalBytes(before.value.claims.requestId, requestId)) return false
    const seen = before.value.claims.covered
    return n <= seen.n || spent <= seen.spent
  })
}

/** The payment that this answer was taken for before: it is scanned twice, or the page was closed in between. */
export function takenFor(answer: PaymentAnswer, { payment, voided }: Entry): boolean {
  return !voided && payment?.authorization !== undefined && equalBytes(payment.authorization, answer.authorization)
}
