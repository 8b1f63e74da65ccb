/**
 * Every public error: RFC 9457 problem details with a stable code, what the request did to money, and what the device
 * should do next. The table is the documentation; nothing else names a status.
 */
export type Next = 'retry' | 'resign' | 'rebuild' | 'stop'

/**
 * What *this request* did to money. Neither says "not paid": an earlier request may have brought the same payments, and what
 * became of them is in a receipt and in outcomes, and nowhere else.
 *
 * - `unchanged_by_this_request`: it moved nothing and will not
 * - `unknown`: it may have been carried out before it failed. The same request again is carried out once in all.
 */
export const MONEY = ['unchanged_by_this_request', 'unknown'] as const
export type Money = (typeof MONEY)[number]

interface ProblemKind {
  readonly status: number
  readonly title: string
  /** `unchanged_by_this_request` when left out. */
  readonly money?: Money
  readonly next: Next
}

export const PROBLEMS = {
  bundle_too_large: { status: 413, title: 'The bundle is larger than 64 KiB', next: 'stop' },
  unsupported_media_type: {
    status: 415,
    title: 'Send application/vnd.molam.bundle+cose or application/json',
    next: 'stop',
  },
  malformed_bundle: { status: 400, title: 'Not a well-formed bundle', next: 'stop' },
  unsupported_version: {
    status: 400,
    title: 'This protocol version is not supported',
    next: 'stop',
  },
  invalid_signature: { status: 401, title: 'The signature does not hold', next: 'stop' },
  device_suspended: { status: 403, title: 'The device is suspended', next: 'stop' },
  device_revoked: { status: 403, title: 'The device is revoked', next: 'stop' },
  rate_limited: { status: 429, title: 'Too many requests', next: 'retry' },
  body_incomplete: { status: 408, title: 'The body did not arrive whole in time', next: 'retry' },
  clock_skew: { status: 422, title: 'The device clock is too far off', next: 'resign' },
  unknown_recipient_key: {
    status: 422,
    title: 'Sealed to a key that is not in use',
    next: 'rebuild',
  },
  undecryptable: { status: 422, title: 'The sealed part does not open', next: 'rebuild' },
  invalid_payload: { status: 422, title: 'The sealed payments are not valid', next: 'stop' },
  bundle_conflict: {
    status: 409,
    title: 'Another bundle with this id was admitted before',
    next: 'stop',
  },
  nonce_replayed: { status: 409, title: 'The nonce was used before', next: 'resign' },
  chain_fork: { status: 409, title: 'The device told two stories; it is suspended', next: 'stop' },
  counters_missing: {
    status: 409,
    title: 'Too many payments before these have not come',
    next: 'stop',
  },
  too_far_ahead: {
    status: 409,
    title: 'A counter or seq lies too far ahead of the last that came',
    next: 'stop',
  },
  temporarily_unavailable: { status: 503, title: 'Not available for the moment', money: 'unknown', next: 'retry' },
  invalid_request: { status: 400, title: 'The request is not valid', next: 'stop' },
  unauthorized: { status: 401, title: 'Authentication is missing or does not hold', next: 'stop' },
  forbidden: { status: 403, title: 'Not allowed for this role', next: 'stop' },
  not_found: { status: 404, title: 'There is nothing here', next: 'stop' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here', next: 'stop' },
  device_exists: { status: 409, title: 'The device is registered with other facts', next: 'stop' },
  weak_key: { status: 422, title: 'The public key is not acceptable', next: 'stop' },
  key_not_proven: {
    status: 422,
    title: 'The proof of possession of the key does not hold',
    next: 'stop',
  },
  idempotency_conflict: {
    status: 409,
    title: 'This Idempotency-Key came with another request',
    next: 'stop',
  },
  version_conflict: {
    status: 409,
    title: 'There is a newer version than the one this is based on',
    next: 'rebuild',
  },
  state_conflict: { status: 409, title: 'Not possible as things stand', next: 'stop' },
  too_late_to_reverse: { status: 409, title: 'The payment is too old to be reversed', next: 'stop' },
  registrar_cannot_vote: {
    status: 403,
    title:
      'Who registered the device, made its code, changed its key or gave it consent does not decide about its payments',
    next: 'stop',
  },
  consent_required: { status: 403, title: 'There is no consent for this device: it only receives', next: 'stop' },
  mandate_above_policy: {
    status: 422,
    title: 'The policy of the country lets no mandate give as much',
    next: 'stop',
  },
  allowance_above_policy: {
    status: 422,
    title: 'The policy of the country lets no allowance hold as much',
    next: 'stop',
  },
  already_voted: { status: 409, title: 'The same person cannot vote twice', next: 'stop' },
  contradictory_policy: { status: 422, title: 'The policy contradicts itself', next: 'stop' },
  enrolment_code_invalid: {
    status: 403,
    title: 'The enrolment code does not hold for this device',
    next: 'stop',
  },
  internal_error: { status: 500, title: 'Something broke on our side', money: 'unknown', next: 'retry' },
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof PROBLEMS

/** The body of a problem answer. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly money: Money
  readonly next: Next
  /** Milliseconds; with `clock_skew`, what the device corrects its clock by. */
  readonly server_time?: number
  readonly detail?: string
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

export function problem(code: ProblemCode, extra: { server_time?: number; detail?: string } = {}): Problem {
  const { status, title, money = 'unchanged_by_this_request', next }: ProblemKind = PROBLEMS[code]
  return { type: `urn:molam:problem:${code}`, title, status, code, money, next, ...extra }
}

export const isProblemCode = (value: unknown): value is ProblemCode =>
  typeof value === 'string' && Object.hasOwn(PROBLEMS, value)
