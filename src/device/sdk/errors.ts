import type { ProblemCode } from '../../protocol/problems.ts'
import type { Reason } from '../../protocol/states.ts'
import type { WalletFault } from '../../protocol/wallet.ts'

/**
 * Where the payment, or the payments, stand after an error.
 *
 * - `not_taken`: there is no payment; nothing was recorded and nothing will be sent
 * - `kept_on_device`: recorded on the device, without a verified receipt: it is sent again until there is one. This call took
 *   nothing away; whether the edge has it from an earlier attempt is not known
 * - `receipted`: the edge has acknowledged it with a verified receipt
 * - `unread`: what the device holds could not be read just now, so nothing is said of it
 * - `gone`: the device's storage was deleted; what was never sent may live on in memory alone
 */
export type Money = 'not_taken' | 'kept_on_device' | 'receipted' | 'unread' | 'gone'

/**
 * What the person or the program does next. `wait`: nothing, the next sync tries again by itself; `reopen`: close every
 * window of the app, and open it again.
 */
export type NextStep =
  | 'wait'
  | 'reopen'
  | 'connect'
  | 'change_payment'
  | 'free_storage'
  | 'unlock_key'
  | 'enrol'
  | 'update_app'
  | 'contact_support'
  | 'none'

/**
 * Why a payer's answer is not taken.
 *
 * - `unreadable`: the code is none of a payer's phone, or was read in part only
 * - `not_asked`: it answers another till, or a request that is not open any more
 * - `answered`: another phone's answer to this request was taken, and there is a payment for it
 * - `pass_unknown`: the edge has not signed the pass, or with a key that this device does not know yet: a sync may bring it
 * - `pass_stopped`: the phone was stopped, or its holder's consent ended, as this device was told
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
  | 'answered'
  | 'pass_unknown'
  | 'pass_stopped'
  | 'pass_expired'
  | 'not_allowed'
  | 'too_old'
  | 'false_signature'
  | 'spent_before'
  | 'same_wallet'

/** Which wallet of a payment is none, and why. */
export interface WrongWallet {
  readonly field: 'sender' | 'receiver'
  readonly fault: WalletFault
}

interface ErrorKind {
  readonly money: Money
  readonly next: NextStep
  readonly message: string
}

/** Errors that the device finds by itself. */
const DEVICE_ERRORS = {
  not_ready: {
    money: 'not_taken',
    next: 'connect',
    message: 'The device must reach the server once before it is used',
  },
  invalid_payment: { money: 'not_taken', next: 'change_payment', message: 'The payment is not valid' },
  refused: { money: 'not_taken', next: 'change_payment', message: 'The rules do not allow this payment' },
  unsynced_limit: {
    money: 'not_taken',
    next: 'connect',
    message: 'What was taken without a sync is at its limit',
  },
  sync_overdue: { money: 'not_taken', next: 'connect', message: 'The last sync is too long ago' },
  device_blocked: { money: 'not_taken', next: 'contact_support', message: 'The server has blocked this device' },
  numbers_used_up: {
    money: 'not_taken',
    next: 'contact_support',
    message: 'The device has given out all its numbers: it needs a new id',
  },
  destroyed: { money: 'not_taken', next: 'none', message: 'destroy() was called' },
  abandoned: { money: 'not_taken', next: 'reopen', message: 'The payment was given up before it was written' },
  device_busy: { money: 'unread', next: 'reopen', message: 'Another window of the app holds the device' },
  storage_failed: { money: 'unread', next: 'reopen', message: 'The device storage failed' },
  storage_full: { money: 'kept_on_device', next: 'free_storage', message: 'The device storage is full' },
  storage_gone: { money: 'gone', next: 'enrol', message: 'The device storage was deleted' },
  storage_silent: { money: 'unread', next: 'reopen', message: 'The device storage does not answer' },
  store_locked: {
    money: 'unread',
    next: 'contact_support',
    message: 'The storage does not open with this key',
  },
  store_newer: {
    money: 'kept_on_device',
    next: 'update_app',
    message: 'A later version of the app has written this storage',
  },
  record_damaged: { money: 'unread', next: 'contact_support', message: 'A stored record is damaged' },
  no_such_payment: { money: 'not_taken', next: 'none', message: 'There is no such payment on this device' },
  no_such_claim: { money: 'not_taken', next: 'none', message: 'There is no such claim that waits for an answer' },
  consent_invalid: {
    money: 'not_taken',
    next: 'none',
    message: 'This is no request for consent to this wallet, or no consent for this device and key',
  },
  approval_invalid: {
    money: 'not_taken',
    next: 'none',
    message: 'This is no request for an approval, or one of a payment that this device is a party to',
  },
  request_invalid: {
    money: 'not_taken',
    next: 'none',
    message: 'This is no request for a payment, or one of this very device or wallet, or its id was used for another',
  },
  pass_required: {
    money: 'not_taken',
    next: 'connect',
    message: 'This device has no pass that is good now: it must reach the server',
  },
  not_confirmed: { money: 'not_taken', next: 'none', message: 'The person did not confirm, and nothing was signed' },
  authorization_invalid: {
    money: 'not_taken',
    next: 'none',
    message: "The payer's answer is not taken: `fault` says why, and the payer's phone is asked anew",
  },
  already_bundled: {
    money: 'kept_on_device',
    next: 'wait',
    message: 'The payment may have left the device: it can be reversed, not voided',
  },
  key_missing: { money: 'unread', next: 'enrol', message: 'The device key is not in the key store' },
  key_mismatch: { money: 'kept_on_device', next: 'enrol', message: 'The key store holds the key of another enrolment' },
  key_locked: { money: 'kept_on_device', next: 'unlock_key', message: 'The key store is locked' },
  online_required: {
    money: 'not_taken',
    next: 'connect',
    message: 'The payment needs the server, which did not answer',
  },
  chain_in_doubt: {
    money: 'kept_on_device',
    next: 'connect',
    message: 'The server must first say what became of the last bundle',
  },
  unexpected: {
    money: 'unread',
    next: 'contact_support',
    message: 'Something failed that should not: see `cause`',
  },
  network_failed: { money: 'kept_on_device', next: 'wait', message: 'The server was not reached' },
  timed_out: { money: 'kept_on_device', next: 'wait', message: 'The server did not answer in time' },
  answer_invalid: {
    money: 'kept_on_device',
    next: 'wait',
    message: 'The answer is not one that the edge signed for us',
  },
  chain_conflict: {
    money: 'kept_on_device',
    next: 'contact_support',
    message: 'The server holds another history of this device',
  },
} as const satisfies Record<string, ErrorKind>

type DeviceErrorCode = keyof typeof DEVICE_ERRORS
export type OfflineErrorCode = DeviceErrorCode | ProblemCode

interface Extra {
  readonly money?: Money
  readonly reason?: Reason
  readonly wallet?: WrongWallet
  readonly fault?: AuthorizationFault
  readonly detail?: string
  readonly cause?: unknown
}

/**
 * Every error of the SDK: a stable code, where the money is, and what to do next.
 *
 * @example
 * try {
 *   await sdk.createOfflineTransaction(terms)
 * } catch (error) {
 *   if (error instanceof OfflineError && error.money === 'not_taken') show(error.code, error.reason)
 * }
 */
export class OfflineError extends Error {
  override name = 'OfflineError'
  readonly code: OfflineErrorCode
  readonly money: Money
  readonly next: NextStep
  /** The rule that spoke, with `refused` and `unsynced_limit`. */
  readonly reason?: Reason
  /** With `invalid_payment`, where a wallet is what is not valid. */
  readonly wallet?: WrongWallet
  /** With `authorization_invalid`. */
  readonly fault?: AuthorizationFault

  constructor(code: OfflineErrorCode, extra: Extra = {}) {
    const kind = kindOf(code)
    const detail = extra.detail ?? extra.fault
    const message = detail === undefined ? kind.message : `${kind.message}: ${detail}`
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.code = code
    this.money = extra.money ?? kind.money
    this.next = kind.next
    if (extra.reason !== undefined) this.reason = extra.reason
    if (extra.wallet !== undefined) this.wallet = extra.wallet
    if (extra.fault !== undefined) this.fault = extra.fault
  }
}

function kindOf(code: OfflineErrorCode): ErrorKind {
  return code in DEVICE_ERRORS ? DEVICE_ERRORS[code as DeviceErrorCode] : problemKind(code as ProblemCode)
}

/**
 * What a refusal of the edge means on the device. None of them is proof of anything, because problem answers are not
 * signed: whatever they say, the payments stay on the device until a verified receipt.
 */
function problemKind(code: ProblemCode): ErrorKind {
  const kept = (next: NextStep, message: string): ErrorKind => ({ money: 'kept_on_device', next, message })
  switch (code) {
    case 'rate_limited':
    case 'temporarily_unavailable':
    case 'internal_error':
    case 'body_incomplete':
      return kept('wait', 'The server asks to try again later')
    case 'clock_skew':
    case 'nonce_replayed':
      return kept('wait', 'The server did not take the signature; the next sync signs again')
    case 'unknown_recipient_key':
    case 'undecryptable':
      return kept('wait', 'The server could not open the bundle; the next sync seals again')
    case 'bundle_too_large':
    case 'unsupported_media_type':
    case 'malformed_bundle':
    case 'unsupported_version':
    case 'invalid_payload':
    case 'invalid_request':
    case 'not_found':
    case 'method_not_allowed':
    case 'idempotency_conflict':
    case 'version_conflict':
    case 'state_conflict':
    case 'already_voted':
    case 'registrar_cannot_vote':
    case 'too_late_to_reverse':
    case 'contradictory_policy':
      return kept('update_app', 'The server does not take what this version sends')
    case 'invalid_signature':
    case 'unauthorized':
    case 'forbidden':
    case 'weak_key':
    case 'key_not_proven':
    case 'device_exists':
    case 'enrolment_code_invalid':
      return kept('enrol', 'The server does not accept this device with this key')
    case 'consent_required':
      return kept('contact_support', 'Nobody has given this device consent to pay; it only receives')
    case 'mandate_above_policy':
      return kept('change_payment', 'The rules of the country let no mandate give as much')
    case 'allowance_above_policy':
      return kept('change_payment', 'The rules of the country let no allowance hold as much')
    case 'device_suspended':
    case 'device_revoked':
    case 'chain_fork':
      return kept('contact_support', 'The server has blocked this device')
    case 'bundle_conflict':
      return kept('contact_support', 'The server holds another bundle under this id')
    case 'counters_missing':
    case 'too_far_ahead':
      return kept('contact_support', 'The server misses too many payments of this device')
  }
}

export const isBlocking = (code: ProblemCode): boolean =>
  code === 'device_suspended' || code === 'device_revoked' || code === 'chain_fork'

/** Whether what is stored is whole and not for this version of the app, or not for its key. */
export const isUnreadable = (error: unknown): boolean =>
  error instanceof OfflineError && (error.code === 'store_locked' || error.code === 'store_newer')

/** @returns the error itself when it is one of ours, else one that carries it */
export const asOfflineError = (cause: unknown): OfflineError =>
  cause instanceof OfflineError ? cause : new OfflineError('unexpected', { cause })

/** A storage tells why it failed by the name of what it throws; the first two are those of IndexedDB. */
const STORAGE_FAULTS: Readonly<Record<string, DeviceErrorCode>> = {
  QuotaExceededError: 'storage_full',
  VersionError: 'store_newer',
  DatabaseGone: 'storage_gone',
  TimeoutError: 'storage_silent',
}

/** Those that say more than that the storage failed. */
const STORAGE_CODES: ReadonlySet<OfflineErrorCode> = new Set([
  ...Object.values(STORAGE_FAULTS),
  'abandoned',
  'numbers_used_up',
])

/**
 * What a storage threw, as the failure that it is: full, deleted, silent, written by a later version of the app, or another.
 *
 * @param money where a payment stands that was to be written; left out, the failure says it itself
 */
export function asStorageFailure(cause: unknown, money?: 'not_taken'): OfflineError {
  const extra = { cause, ...(money && { money }) }
  if (cause instanceof OfflineError) {
    return new OfflineError(STORAGE_CODES.has(cause.code) ? cause.code : 'storage_failed', extra)
  }
  const code = (cause instanceof Error && STORAGE_FAULTS[cause.name]) || 'storage_failed'
  return new OfflineError(code, { ...extra, ...(cause instanceof Error && { detail: cause.message }) })
}
