import { CODE_STATES, type CodeState, isCodeDigits } from '../../protocol/consent-code.ts'
import { OfflineError } from './errors.ts'
import { provenCall } from './proven-call.ts'
import type { SyncDeps } from './sync/sync-deps.ts'
import type { Timers } from './sync/transport.ts'

/** A code that this device has asked its wallet's holder for. */
export interface AskedConsentCode {
  /** What the answer names. */
  readonly no: number
  /** Until when it can be entered, UTC milliseconds by the edge's clock. */
  readonly untilMs: number
  /**
   * `waiting`: it goes to the holder's telephone. `sent`: it went there. Others say why none comes: `off`, `unknown_wallet`, `no_phone`,
   * `too_many` (three went there today), `undelivered`.
   */
  readonly state: Exclude<CodeState, 'accepted'>
}

/** What came of a code that was entered. */
export interface ConsentCodeResult {
  /**
   * `accepted`: the device pays. `wrong`: it is another code. `over`: too late, or too often wrong; ask for another one. `waiting`: the book
   * has not said yet; enter the same again. Others as in `AskedConsentCode`.
   */
  readonly state: 'accepted' | 'wrong' | 'over' | Exclude<CodeState, 'sent' | 'accepted'>
  /** How many more may be entered for this request. */
  readonly triesLeft: number
  /** Until when the device pays, UTC milliseconds; when it was accepted. */
  readonly paysUntilMs?: number
}

const PATH = '/offline/consents/code'
/** The way to the book and back takes a second or two where everything is well. */
const POLL_MS = 2_000
const POLLS_MAX = 8

export async function askConsentCode(deps: SyncDeps): Promise<AskedConsentCode> {
  if (!deps.device.hasState) throw new OfflineError('not_ready')
  const { no, until, state } = read(await provenCall(deps, PATH, {}))
  const isState = CODE_STATES.includes(state as CodeState) && state !== 'accepted'
  if (!isCount(no) || !isCount(until) || !isState) throw new OfflineError('answer_invalid')
  return { no, untilMs: until, state: state as AskedConsentCode['state'] }
}

/** Asks with the same digits until the book has judged them, for a while. */
export async function answerConsentCode(
  deps: SyncDeps,
  timers: Timers,
  no: number,
  digits: string,
): Promise<ConsentCodeResult> {
  if (!deps.device.hasState) throw new OfflineError('not_ready')
  const code = digits.replaceAll(/[\s-]/g, '')
  if (!isCodeDigits(code)) throw new OfflineError('consent_invalid')
  for (let polls = 1; ; polls++) {
    const came = resultOf(read(await provenCall(deps, `${PATH}/answer`, { no, code })))
    if (came.state !== 'waiting' || polls === POLLS_MAX) return came
    await new Promise<void>((resolve) => void timers.set(resolve, POLL_MS))
  }
}

const RESULTS: ReadonlySet<unknown> = new Set([...CODE_STATES, 'wrong', 'over'].filter((state) => state !== 'sent'))

function resultOf({ state, tries_left: triesLeft, pays_until: paysUntilMs }: Said): ConsentCodeResult {
  const isWhole = isCount(triesLeft) && (state !== 'accepted' || isCount(paysUntilMs))
  if (!RESULTS.has(state) || !isWhole) throw new OfflineError('answer_invalid')
  const known = { state: state as ConsentCodeResult['state'], triesLeft }
  return isCount(paysUntilMs) ? { ...known, paysUntilMs } : known
}

type Said = Readonly<Record<'no' | 'until' | 'state' | 'tries_left' | 'pays_until', unknown>>

function read(body: Uint8Array): Said {
  try {
    const said: unknown = JSON.parse(new TextDecoder().decode(body))
    if (typeof said === 'object' && said !== null) return said as Said
  } catch {
    // No JSON: a captive portal.
  }
  throw new OfflineError('answer_invalid')
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
