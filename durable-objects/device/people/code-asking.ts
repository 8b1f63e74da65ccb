import { toHex } from '../../../src/protocol/bytes.ts'
import { paysUntil } from '../../../src/protocol/consent.ts'
import { type CodeState, type CodeVerdict, codeUntilMs } from '../../../src/protocol/consent-code.ts'
import { CODE_TRIES_MAX, CODES_PER_DAY_MAX, CONSENTS_MAX } from '../../../src/protocol/limits.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { type CodeRequest, isUnderWay } from '../code.ts'
import type { HeldConsent } from '../consent.ts'
import type { Device } from '../device.ts'
import { withConsent } from './consenting.ts'

/**
 * Consent by the holder's code, as far as the device's object decides it: a device asks, and what is entered waits for the book,
 * which alone knows the code. Until the book has accepted it nothing is paid by it. Pure.
 */
export type CodeRefusal =
  | 'invalid_signature'
  | 'device_suspended'
  | 'device_revoked'
  | 'state_conflict'
  | 'rate_limited'
  | 'temporarily_unavailable'

type Asking = Pick<Device, 'status' | 'kid' | 'consents' | 'codeRequest' | 'rev' | 'recordedRev'>

/** Whether what is entered for it may still count. */
function isOpen(request: CodeRequest, kid: Uint8Array, nowMs: number): boolean {
  if (request.isEnded || request.kid !== toHex(kid) || !isUnderWay(request.state)) return false
  // What was entered in time waits for the book, however long that takes.
  return request.answer !== null || (nowMs < codeUntilMs(request) && request.wrong.length < CODE_TRIES_MAX)
}

/** @returns the request that is open for the key in use, or a new one */
export function mayAsk(device: Asking, nowMs: number): Result<CodeRequest, CodeRefusal> {
  const fault = faultOf(device)
  if (fault !== undefined) return err(fault)
  const { kid, consents, codeRequest: before } = device
  if ((paysUntil(consents, kid, nowMs) ?? 0) > nowMs) return err('state_conflict')
  if (before !== null && isOpen(before, kid, nowMs)) return ok(before)
  const today = (before?.askedMs ?? []).filter((atMs) => atMs > nowMs - DAY_MS)
  if (today.length >= CODES_PER_DAY_MAX) return err('rate_limited')
  const askedMs = [...today, nowMs]
  const fresh = { state: 'waiting', wrong: [], answer: null, accepted: null, isEnded: false } as const
  return ok({ no: (before?.no ?? 0) + 1, askedAtMs: nowMs, kid: toHex(kid), ...fresh, askedMs })
}

/** What came of what was entered. `over`: it is too late for this code, or too often it was another. */
export interface CodeResult {
  readonly state: 'waiting' | 'accepted' | 'wrong' | 'over' | Exclude<CodeState, 'waiting' | 'sent' | 'accepted'>
  readonly triesLeft: number
  /** Until when the device pays by it; when it was accepted. */
  readonly paysUntilMs?: number
}

/** Nobody has entered it for this request: it may be kept. */
interface FreshAnswer {
  readonly state: 'fresh'
  readonly request: CodeRequest
}

export const triesLeft = ({ wrong }: Pick<CodeRequest, 'wrong'>): number => CODE_TRIES_MAX - wrong.length

/** What comes of what was entered, as things stand. */
export function mayAnswer(
  device: Asking,
  no: number,
  digits: string,
  nowMs: number,
): Result<CodeResult | FreshAnswer, CodeRefusal> {
  const fault = faultOf(device)
  if (fault !== undefined) return err(fault)
  const { codeRequest: request } = device
  if (request === null || request.no !== no || request.isEnded || request.kid !== toHex(device.kid)) {
    return err('state_conflict')
  }
  const left = { triesLeft: triesLeft(request) }
  if (request.accepted !== null) {
    const { digits: right, untilMs: paysUntilMs } = request.accepted
    return right === digits ? ok({ state: 'accepted', ...left, paysUntilMs }) : err('state_conflict')
  }
  if (request.wrong.includes(digits)) return ok({ state: 'wrong', ...left })
  // One after the other, so that what the book says of the last one is about this one.
  if (request.answer !== null) {
    return request.answer.digits === digits ? ok({ state: 'waiting', ...left }) : err('temporarily_unavailable')
  }
  if (!isOpen(request, device.kid, nowMs)) {
    const { state } = request
    return ok({ state: isUnderWay(state) || state === 'accepted' ? 'over' : state, ...left })
  }
  // The oldest consent is named no more once this one counts, so the book must know it.
  if (device.consents.length >= CONSENTS_MAX && device.recordedRev < device.rev) return err('temporarily_unavailable')
  return ok({ state: 'fresh', request })
}

/** What the book's verdict changes; undefined: nothing. */
export interface AppliedVerdict {
  readonly request: CodeRequest
  /** Undefined: they are as before. */
  readonly consents: readonly HeldConsent[] | undefined
  readonly came: 'accepted' | 'wrong' | 'state'
}

/**
 * Said again it changes nothing. An answer that the book knows, and neither took nor counted, was none for it: no code had gone out,
 * or none may be answered any more.
 *
 * @param recordedRev of the facts that the book has
 */
export function applyVerdict(
  { codeRequest: request, consents }: Pick<Device, 'codeRequest' | 'consents'>,
  verdict: CodeVerdict,
  recordedRev: number,
): AppliedVerdict | undefined {
  if (request === null || request.no !== verdict.no || request.isEnded || request.accepted !== null) return undefined
  const { answer } = request
  if (verdict.state === 'accepted') {
    if (answer === null) return undefined
    const { digits, consent } = answer
    const accepted = { digits, untilMs: consent.untilMs }
    return {
      request: { ...request, state: 'accepted', answer: null, accepted },
      consents: withConsent(consents, consent),
      came: 'accepted',
    }
  }
  const isWrong = answer !== null && verdict.wrong > request.wrong.length
  const isNone = answer !== null && !isWrong && recordedRev >= answer.rev
  if (!isWrong && !isNone && verdict.state === request.state) return undefined
  const judged = isWrong ? { answer: null, wrong: [...request.wrong, answer.digits] } : isNone ? { answer: null } : {}
  const next = { ...request, ...judged, state: verdict.state }
  return { request: next, consents: undefined, came: isWrong ? 'wrong' : 'state' }
}

/**
 * The request has ended, and so has what was entered for it: the book may have accepted that, and is told of its end with the other
 * consents. @param endedBy who took it back
 */
export function withoutCode(
  { codeRequest, consents }: Pick<Device, 'codeRequest' | 'consents'>,
  endedBy: string,
  nowMs: number,
): { readonly request: CodeRequest; readonly consents: readonly HeldConsent[] } | undefined {
  if (codeRequest === null || codeRequest.isEnded) return undefined
  const { answer } = codeRequest
  const ended = answer === null ? [] : [{ ...answer.consent, withdrawnAtMs: nowMs, withdrawnBy: endedBy }]
  return {
    request: { ...codeRequest, answer: null, isEnded: true },
    consents: [...consents, ...ended].slice(-CONSENTS_MAX),
  }
}

function faultOf({ status }: Pick<Device, 'status'>): CodeRefusal | undefined {
  if (status === 'active') return undefined
  return status === 'revoked' ? 'device_revoked' : 'device_suspended'
}
