import { toHex } from '../../src/protocol/bytes.ts'
import { type AskedCode, type CodeState, codeUntilMs, type StatedCode } from '../../src/protocol/consent-code.ts'
import type { HeldConsent } from './consent.ts'

/** The newest request for a code to the wallet's holder, as the device's object keeps it (people/code-asking.ts). */
export interface CodeRequest extends AskedCode {
  /** Hex, of the key that asks: another key has asked for nothing. */
  readonly kid: string
  /** As the book said last. */
  readonly state: CodeState
  /** What was entered and is not the code, as the book says. */
  readonly wrong: readonly string[]
  /** What was entered and the book has not judged. It pays nothing until then. */
  readonly answer: CodeAnswer | null
  /** What was entered and was the code. */
  readonly accepted: { readonly digits: string; readonly untilMs: number } | null
  /** People took back what was asked for. */
  readonly isEnded: boolean
  /** When codes were asked for in the last day. */
  readonly askedMs: readonly number[]
}

export interface CodeAnswer {
  readonly digits: string
  /** Version of the device's facts with which it was first said. */
  readonly rev: number
  /** The consent that it becomes. */
  readonly consent: HeldConsent
}

/** What people and the device are shown of a request. */
export interface ShownCode extends AskedCode {
  readonly untilMs: number
  readonly state: CodeState
  readonly wrong: number
}

export function shownCode(request: CodeRequest): ShownCode {
  const { no, askedAtMs, state, wrong } = request
  return { no, askedAtMs, untilMs: codeUntilMs(request), state, wrong: wrong.length }
}

/** States of a request in which a code may still come, or be entered. */
export const isUnderWay = (state: CodeState): state is 'waiting' | 'sent' => state === 'waiting' || state === 'sent'

/** What the device's facts say of its request: nothing of one that is over, or that another key made. */
export function statedCode(kid: Uint8Array, request: CodeRequest | null): StatedCode | undefined {
  if (request === null || request.isEnded || request.kid !== toHex(kid)) return undefined
  const { no, askedAtMs, state, answer } = request
  // What was entered is said until it is judged, whatever has become of the code meanwhile.
  if (!isUnderWay(state) && answer === null) return undefined
  return { no, askedAtMs, ...(answer && { answer: answer.consent.signed }) }
}
