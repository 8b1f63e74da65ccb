import type { Country, Policy } from '../../protocol/policy.ts'
import { contradictionsOf } from '../../protocol/policy-check.ts'
import { inForceAt, type PolicyVersion } from '../../protocol/policy-version.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { DAY_MS } from '../../protocol/time.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { stillToCome } from './version.ts'

/** What a change of a policy means: which version it makes, from when on, and which scheduled ones never come. Pure. */
type Snake<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${Snake<Rest>}`
  : Name

type Fields = Omit<Policy, 'country' | 'version'> & Pick<PolicyVersion, 'reviewTwoPeopleAbove'>

/** Fields that are to be another, by the names of their columns. */
export type PolicyChanges = { readonly [Name in keyof Fields as Snake<Name>]?: Fields[Name] | undefined }

/** Every country has a policy from the first on: none means that D1 cannot be read, or is full of wrong rows. */
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

/** What a person would have changed, and on what he looked when he said so. */
export interface AskedChange {
  readonly country: Country
  readonly changes: PolicyChanges
  /** The newest version then, scheduled ones included: nobody undoes what he has not seen. */
  readonly afterVersion: number
  /** The version that the changes are made to: the one in force at their time. */
  readonly basedOn: number
  /** At once when absent. */
  readonly effectiveAtMs: number | undefined
}

/** A version without who put it in force, and those still to come that it supersedes. */
export interface Change {
  readonly content: Content & Pick<PolicyVersion, 'effectiveAtMs'>
  readonly supersedes: readonly number[]
}

/**
 * The version that a change makes if it takes force now, or at its later time. It is judged by what is in force now: made
 * on anything else it is stale.
 *
 * @param versions of the country, the newest first, scheduled ones included
 */
export function changeNow(
  asked: AskedChange,
  versions: readonly PolicyVersion[],
  nowMs: number,
): Result<Change, Refusal> {
  const effectiveAtMs = Math.max(asked.effectiveAtMs ?? nowMs, nowMs)
  const [last, base] = [versions[0]?.policy.version, inForceAt(versions, effectiveAtMs)]
  if (last === undefined || base === undefined) return err(UNREADABLE)
  if (last !== asked.afterVersion) return err({ code: 'version_conflict', detail: `the newest version is ${last}` })
  if (base.policy.version !== asked.basedOn) {
    return err({ code: 'version_conflict', detail: `version ${base.policy.version} is in force by then` })
  }
  const content = changed(base, asked.changes, last + 1)
  if (!content.ok) return content
  const superseded = stillToCome(versions, nowMs).filter((other) => other.effectiveAtMs >= effectiveAtMs)
  return ok({
    content: { ...content.value, effectiveAtMs },
    supersedes: superseded.map(({ policy }) => policy.version),
  })
}

/** What switches a country off at once, whatever is scheduled. It changes nothing else, so one person may do it alone. */
export function switchOff(
  country: Country,
  versions: readonly PolicyVersion[],
  nowMs: number,
): Result<Change, Refusal> {
  const [newest, inForce] = [versions[0]?.policy, inForceAt(versions, nowMs)?.policy]
  if (newest === undefined || inForce === undefined) return err(UNREADABLE)
  if (!inForce.enabled) return err({ code: 'state_conflict', detail: 'the country is switched off' })
  const numbers = { afterVersion: newest.version, basedOn: inForce.version, effectiveAtMs: undefined }
  return changeNow({ country, changes: { enabled: false }, ...numbers }, versions, nowMs)
}
