/**
 * Every public error: RFC 9457 problem details with a stable code, what became of the money, and what the device
 * should do next. The table is the documentation; nothing else names a status.
 */
export type Next = 'retry' | 'resign' | 'rebuild' | 'stop'

interface ProblemKind {
  readonly status: number
  readonly title: string
  /** What became of the payments that the request carried. */
  readonly money: 'unchanged'
  readonly next: Next
}

export const PROBLEMS = {
  bundle_too_large: { status: 413, title: 'The bundle is larger than 64 KiB', money: 'unchanged', next: 'stop' },
  unsupported_media_type: {
    status: 415,
    title: 'Send application/vnd.molam.bundle+cose or application/json',
    money: 'unchanged',
    next: 'stop',
  },
  malformed_bundle: { status: 400, title: 'Not a well-formed bundle', money: 'unchanged', next: 'stop' },
  unsupported_version: {
    status: 400,
    title: 'This protocol version is not supported',
    money: 'unchanged',
    next: 'stop',
  },
  invalid_signature: { status: 401, title: 'The signature does not hold', money: 'unchanged', next: 'stop' },
  device_suspended: { status: 403, title: 'The device is suspended', money: 'unchanged', next: 'stop' },
  device_revoked: { status: 403, title: 'The device is revoked', money: 'unchanged', next: 'stop' },
  rate_limited: { status: 429, title: 'Too many requests', money: 'unchanged', next: 'retry' },
  body_incomplete: { status: 408, title: 'The body did not arrive whole in time', money: 'unchanged', next: 'retry' },
  clock_skew: { status: 422, title: 'The device clock is too far off', money: 'unchanged', next: 'resign' },
  unknown_recipient_key: {
    status: 422,
    title: 'Sealed to a key that is not in use',
    money: 'unchanged',
    next: 'rebuild',
  },
  undecryptable: { status: 422, title: 'The sealed part does not open', money: 'unchanged', next: 'rebuild' },
  invalid_payload: { status: 422, title: 'The sealed payments are not valid', money: 'unchanged', next: 'stop' },
  bundle_conflict: {
    status: 409,
    title: 'Another bundle with this id was admitted before',
    money: 'unchanged',
    next: 'stop',
  },
  nonce_replayed: { status: 409, title: 'The nonce was used before', money: 'unchanged', next: 'resign' },
  chain_fork: { status: 409, title: 'The device told two stories; it is suspended', money: 'unchanged', next: 'stop' },
  counters_missing: {
    status: 409,
    title: 'Too many payments before these have not come',
    money: 'unchanged',
    next: 'stop',
  },
  too_far_ahead: {
    status: 409,
    title: 'A counter or seq lies too far ahead of the last that came',
    money: 'unchanged',
    next: 'stop',
  },
  temporarily_unavailable: { status: 503, title: 'Not available for the moment', money: 'unchanged', next: 'retry' },
  invalid_request: { status: 400, title: 'The request is not valid', money: 'unchanged', next: 'stop' },
  unauthorized: { status: 401, title: 'Authentication is missing or does not hold', money: 'unchanged', next: 'stop' },
  forbidden: { status: 403, title: 'Not allowed for this role', money: 'unchanged', next: 'stop' },
  not_found: { status: 404, title: 'There is nothing here', money: 'unchanged', next: 'stop' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here', money: 'unchanged', next: 'stop' },
  device_exists: { status: 409, title: 'The device is registered with other facts', money: 'unchanged', next: 'stop' },
  weak_key: { status: 422, title: 'The public key is not acceptable', money: 'unchanged', next: 'stop' },
  key_not_proven: {
    status: 422,
    title: 'The proof of possession of the key does not hold',
    money: 'unchanged',
    next: 'stop',
  },
  idempotency_conflict: {
    status: 409,
    title: 'This Idempotency-Key came with another request',
    money: 'unchanged',
    next: 'stop',
  },
  version_conflict: {
    status: 409,
    title: 'There is a newer version than the one this is based on',
    money: 'unchanged',
    next: 'rebuild',
  },
  state_conflict: { status: 409, title: 'Not possible as things stand', money: 'unchanged', next: 'stop' },
  already_voted: { status: 409, title: 'The same person cannot vote twice', money: 'unchanged', next: 'stop' },
  contradictory_policy: { status: 422, title: 'The policy contradicts itself', money: 'unchanged', next: 'stop' },
  enrolment_code_invalid: {
    status: 403,
    title: 'The enrolment code does not hold for this device',
    money: 'unchanged',
    next: 'stop',
  },
  internal_error: { status: 500, title: 'Something broke on our side', money: 'unchanged', next: 'retry' },
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof PROBLEMS

/** The body of a problem answer. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly money: ProblemKind['money']
  readonly next: Next
  /** Milliseconds; with `clock_skew`, what the device corrects its clock by. */
  readonly server_time?: number
  readonly detail?: string
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

export function problem(code: ProblemCode, extra: { server_time?: number; detail?: string } = {}): Problem {
  const { status, title, money, next } = PROBLEMS[code]
  return { type: `urn:molam:problem:${code}`, title, status, code, money, next, ...extra }
}

export const isProblemCode = (value: unknown): value is ProblemCode =>
  typeof value === 'string' && Object.hasOwn(PROBLEMS, value)
