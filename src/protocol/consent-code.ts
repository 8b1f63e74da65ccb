import { type CborValue, MalformedCbor } from './cbor.ts'
import { CODE_TRIES_MAX, CODE_VALID_MS, COUNTER_MAX } from './limits.ts'
import { list, oneOf, positive, text, uint } from './shape.ts'

/**
 * Consent by the holder's code: a device asks for a code, the reconciler sends it to the telephone number that the ledger has for
 * the wallet, and whoever reads it there and enters it on the device has given the holder's word (docs/protocol.md §6.9).
 */
export interface ConsentCode extends AskedCode {
  /** Eight digits, as they were entered. */
  readonly digits: string
}

/** One request for a code: 1, 2, 3 … of a device, and when the edge had it. A code belongs to one request. */
export interface AskedCode {
  readonly no: number
  readonly askedAtMs: number
}

/** A request as the device's facts state it, with the newest answer that the book has not judged, as the edge signed it. */
export interface StatedCode extends AskedCode {
  readonly answer?: Uint8Array
}

/**
 * How far a request is, as the book says it. Those after `accepted` say why no code is sent: codes are off, the ledger has no such
 * wallet in the device's tenant, it has no telephone number, too many codes went to it today, or the gateway did not take it.
 */
export const CODE_STATES = [
  ...(['waiting', 'sent', 'accepted'] as const),
  ...(['off', 'unknown_wallet', 'no_phone', 'too_many', 'undelivered'] as const),
] as const
export type CodeState = (typeof CODE_STATES)[number]

/** What the book says of a request. */
export interface CodeVerdict {
  readonly no: number
  readonly state: CodeState
  /** Answers to it that were not the code. Grows only. */
  readonly wrong: number
}

const DIGITS = /^\d{8}$/
export const isCodeDigits = (value: string): boolean => DIGITS.test(value)

/** Who gave a consent by a code, where people are named otherwise. */
export const HOLDER = 'holder'

/** When a code ends. */
export const codeUntilMs = ({ askedAtMs }: AskedCode): number => askedAtMs + CODE_VALID_MS

export const consentCodeToCbor = ({ no, askedAtMs, digits }: ConsentCode): CborValue => [no, askedAtMs, digits]

/** @throws MalformedCbor */
export function consentCodeFromCbor(value: CborValue | undefined): ConsentCode {
  const [no, askedAt, typed] = list(value, 'consent.code', 3, 3)
  const digits = text(typed, 'consent.code', 8)
  if (!isCodeDigits(digits)) throw new MalformedCbor('consent.code')
  return { no: positive(no, 'consent.code', COUNTER_MAX), askedAtMs: uint(askedAt, 'consent.code'), digits }
}

export const verdictToCbor = ({ no, state, wrong }: CodeVerdict): CborValue => [no, CODE_STATES.indexOf(state), wrong]

/** @throws MalformedCbor */
export function verdictFromCbor(value: CborValue | undefined): CodeVerdict {
  const [no, state, wrong] = list(value, 'confirmation.code', 3, 3)
  return {
    no: positive(no, 'confirmation.code', COUNTER_MAX),
    state: oneOf(state, 'confirmation.code', CODE_STATES),
    wrong: uint(wrong, 'confirmation.code', CODE_TRIES_MAX),
  }
}
