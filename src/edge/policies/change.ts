import type { Policy } from '../../protocol/policy.ts'
import { contradictionsOf } from '../../protocol/policy-check.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { DAY_MS } from '../../protocol/time.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { type PolicyVersion, stillToCome } from './version.ts'

/** What a change of a policy means: which version it makes, from when on, and which scheduled ones never come. Pure. */
type Snake<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${Snake<Rest>}`
  : Name

type Fields = Omit<Policy, 'country' | 'version'> & Pick<PolicyVersion, 'reviewTwoPeopleAbove'>

/** Fields that are to be another, by the names of their columns. */
export type PolicyChanges = { readonly [Name in keyof Fields as Snake<Name>]?: Fields[Name] | undefined }

/** Every country has a policy from the first migration on: none means that D1 cannot be read. */
export const UNREADABLE = { code: 'temporarily_unavailable', retryAfterS: 5 } as const satisfies Refusal
const SCHEDULE_MAX_MS = 366 * DAY_MS
/** Who asks for "now" reads a clock of his own; what is dated back by no more than this is in force from now on. */
const BACKDATED_MAX_MS = 10_000

/** From when on a version may be in force. @param effectiveAtMs as it was asked for; at once when absent */
export function startOf(effectiveAtMs: number | undefined, nowMs: number): Result<number, Refusal> {
  const atMs = effectiveAtMs ?? nowMs
  if (atMs < nowMs - BACKDATED_MAX_MS || atMs > nowMs + SCHEDULE_MAX_MS) {
    return err({ code: 'invalid_request', detail: 'effective_at: not in the past, and within a year' })
  }
  return ok(Math.max(atMs, nowMs))
}

/** The rules that a version says, apart from when it was made and by whom. */
type Content = Pick<PolicyVersion, 'policy' | 'reviewTwoPeopleAbove'>

/** The content of a version with some fields changed. */
export function changed(base: Content, changes: PolicyChanges, version: number): Result<Content, Refusal> {
  const { review_two_people_above: reviewTwoPeopleAbove = base.reviewTwoPeopleAbove, ...fields } = changes
  const camel = (name: string) => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const own = Object.fromEntries(Object.entries(fields).map(([name, value]) => [camel(name), value]))
  const policy: Policy = { ...base.policy, ...own, version }
  const contradictions = contradictionsOf(policy)
  if (contradictions.length > 0) return err({ code: 'contradictory_policy', detail: contradictions.join('; ') })
  return ok({ policy, reviewTwoPeopleAbove })
}

export interface AskedChange {
  readonly changes: PolicyChanges
  /** The newest version that the person has seen. */
  readonly afterVersion: number
  readonly effectiveAtMs: number
  readonly by: string
}

/** Versions of the country as they are stored. */
export interface KnownVersions {
  /** The newest first, scheduled ones included. */
  readonly newest: readonly PolicyVersion[]
  /** The one that would be in force at `effectiveAtMs`. */
  readonly base: PolicyVersion | undefined
}

/** @returns the version to store, and those still to come that it supersedes */
export function newVersion(
  { changes, afterVersion, effectiveAtMs, by }: AskedChange,
  { newest, base }: KnownVersions,
  nowMs: number,
): Result<{ readonly version: PolicyVersion; readonly supersedes: readonly number[] }, Refusal> {
  const last = newest[0]?.policy.version
  if (last === undefined || base === undefined) return err(UNREADABLE)
  if (last !== afterVersion) return err({ code: 'version_conflict', detail: `the newest version is ${last}` })
  const content = changed(base, changes, last + 1)
  if (!content.ok) return content
  const superseded = stillToCome(newest, nowMs).filter((other) => other.effectiveAtMs >= effectiveAtMs)
  return ok({
    version: { ...content.value, effectiveAtMs, createdAtMs: nowMs, createdBy: by },
    supersedes: superseded.map(({ policy }) => policy.version),
  })
}
