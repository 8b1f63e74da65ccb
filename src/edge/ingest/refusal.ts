import type { ProblemCode } from '../../protocol/problems.ts'
import type { RatePolicy } from './rate-policy.ts'

/** Why a request is not served: the public code, and what the answer may carry beside it. */
export interface Refusal {
  readonly code: ProblemCode
  /** With `clock_skew`. */
  readonly serverTimeMs?: number
  /** With `rate_limited` and `temporarily_unavailable`, in seconds. */
  readonly retryAfterS?: number
  /** With `rate_limited`: the quota that was used up. */
  readonly rate?: RatePolicy
  /** For developers; never personal, never secret. */
  readonly detail?: string
}
