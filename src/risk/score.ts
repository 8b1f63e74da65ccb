import type { Result } from '../protocol/result.ts'

/** A score is a number in 0–1. Everything else, NaN too, is none: what cannot be read must never look like no risk. */
export function isScore(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1
}

/** Why a score is what it is. Never names a wallet, a phone number or a person: it is stored, shown and logged. */
export interface RiskReason {
  /** Stable name of the rule. */
  readonly rule: string
  /** For people: what was seen. */
  readonly detail?: string
  /** What it added to the score. */
  readonly adds?: number
}

/** What a scorer that is not this code says about a bundle. Plain data: it travels from the Worker to the object. */
export interface RemoteScore {
  readonly scoredBy: 'sira' | 'fixed'
  /** For every payment of the bundle. */
  readonly score: number
  /** `[counter, score]` of payments that were scored by themselves; the higher of the two counts. */
  readonly payments: readonly (readonly [counter: number, score: number])[]
  readonly reasons: readonly RiskReason[]
  /** Of the model. */
  readonly version: string
}

/** Why there is no remote score. Each is an error value; none is a score. */
export type RemoteFailure =
  | { readonly reason: 'timeout' }
  | { readonly reason: 'unreachable' }
  | { readonly reason: 'rejected'; readonly status: number }
  | { readonly reason: 'invalid_answer'; readonly what: 'content_type' | 'too_large' | 'not_json' | 'shape' | 'ids' }
  | { readonly reason: 'breaker_open' }
  /** This deployment has no remote scorer. */
  | { readonly reason: 'not_configured' }

export type RemoteRisk = Result<RemoteScore, RemoteFailure>
