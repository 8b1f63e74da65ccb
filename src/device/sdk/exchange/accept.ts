import { openPass } from '../../../crypto/pass.ts'
import { verifySign1 } from '../../../crypto/sign1.ts'
import { isTimely } from '../../../protocol/approval.ts'
import { authorizationTerms, type Covered, mayPay, parseAuthorization } from '../../../protocol/authorization.ts'
import { equalBytes, toHex } from '../../../protocol/bytes.ts'
import { parse } from '../../../protocol/parse.ts'
import { isValidAt, type Pass, passIn } from '../../../protocol/pass.ts'
import { decodePaymentAnswer, type PaymentAnswer } from '../../../protocol/payment-request.ts'
import { MINUTE_MS } from '../../../protocol/time.ts'
import { type AuthorizationFault, OfflineError } from '../errors.ts'
import type { PaymentTerms } from '../payment-terms.ts'
import type { Entry } from '../store/entry.ts'
import type { SyncDeps } from '../sync/sync-deps.ts'
import { type AskedRequest, openRequest } from './request.ts'

/** An answer whose signatures hold, to a request of this device. */
export interface VerifiedAnswer {
  readonly terms: PaymentTerms
  readonly answer: PaymentAnswer
  /** Looks once more, under the device's lock: another context may have taken an answer meanwhile. @see takenBefore */
  readonly takenBefore: (entries: readonly Entry[]) => Entry | undefined
}

const refuse = (fault: AuthorizationFault): never => {
  throw new OfflineError('authorization_invalid', { fault })
}

/** @throws OfflineError `authorization_invalid`, with its `fault`; `not_ready` */
export async function verifyAnswer(deps: SyncDeps, encoded: Uint8Array): Promise<VerifiedAnswer> {
  const { device, suite, trust } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  const { state, clock, journal, deviceId } = device
  const { answer, signed, pass: claimed } = readAnswer(encoded)
  const asked = (await openRequest(deps, signed.claims.requestId)) ?? refuse('not_asked')
  const opened = await openPass(suite, answer.pass, await trust.receiptKeys(state.keys))
  if (opened === undefined) return refuse('pass_unknown')
  const { pass, key, kid } = opened
  if (state.denied?.kids[toHex(kid)] !== undefined) refuse('pass_stopped')
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
  const place: Place = { answer, pass, amount: asked.amount, requestId: signed.claims.requestId, covered }
  takenBefore(journal.entries, place)
  return { terms, answer, takenBefore: (entries) => takenBefore(entries, place) }
}

/**
 * The payment that this very answer was taken for: it is scanned twice, or the page was closed in between. It is found whatever
 * became of request and pass since.
 *
 * @throws OfflineError `authorization_invalid`, `not_ready`
 */
export async function answeredBefore({ device }: SyncDeps, encoded: Uint8Array): Promise<Entry | undefined> {
  if (!device.hasState) throw new OfflineError('not_ready')
  const { answer } = readAnswer(encoded)
  return device.change(async () => device.journal.entries.find((entry) => isTakenFor(answer, entry)))
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

/** What of a verified answer speaks about other payments. */
interface Place {
  readonly answer: PaymentAnswer
  readonly pass: Pass
  readonly amount: number
  readonly requestId: Uint8Array
  readonly covered: Covered | undefined
}

/**
 * @returns the payment that this very answer was taken for
 * @throws OfflineError `authorization_invalid`: `answered`, `spent_before`
 */
function takenBefore(entries: readonly Entry[], place: Place): Entry | undefined {
  const same = entries.find((entry) => isTakenFor(place.answer, entry))
  if (same !== undefined) return same
  for (const { pass, claims } of entries.flatMap(signedIn)) {
    // The book pays a request once, whoever has signed it.
    if (equalBytes(claims.requestId, place.requestId)) return refuse('answered')
    if (contradicts(place, pass, claims.covered)) return refuse('spent_before')
  }
  return undefined
}

/** What a voided payment said was never sent: it has used up nothing. */
function signedIn({ payment, voided }: Entry) {
  const [pass, authorization] = [passIn(payment?.pass), payment?.authorization]
  if (pass === undefined || authorization === undefined || voided) return []
  const read = parse(() => parseAuthorization(authorization))
  return read.ok ? [{ pass, claims: read.value.claims }] : []
}

/** A phone counts on from one till to the next: what this till has seen of an allowance is less, in number and in sum. */
function contradicts({ pass, amount, covered }: Place, other: Pass, seen: Covered | undefined): boolean {
  if (covered === undefined || seen === undefined || other.deviceId !== pass.deviceId) return false
  if (other.allowance?.no !== pass.allowance?.no) return false
  return covered.n <= seen.n || covered.spent < seen.spent + amount
}

const isTakenFor = ({ authorization }: PaymentAnswer, { payment, voided }: Entry): boolean =>
  !voided && payment?.authorization !== undefined && equalBytes(payment.authorization, authorization)
