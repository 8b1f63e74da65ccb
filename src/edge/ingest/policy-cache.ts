import { FIRST_VERSION } from '../../protocol/first-policies.ts'
import { COUNTRIES, type Country, type Policy } from '../../protocol/policy.ts'
import { inForceAt } from '../../protocol/policy-version.ts'
import type { Env } from '../env.ts'
import { logger } from '../log.ts'
import { alarm } from '../metrics/alarm.ts'
import { commit } from '../store/idempotency.ts'
import { keptVersions } from '../store/kept-versions.ts'
import { type KnownVersion, readNewest, versionInsert } from '../store/policies.ts'
import { withDeadline } from './deadline.ts'

/** Policies are read from D1 every 10 s at the most, so a country can be switched off in 10 s. */
const POLICY_FRESH_MS = 10_000

/** How long a push waits for D1. */
const READ_DEADLINE_MS = 2_000

/** The newest first. */
type Versions = ReadonlyMap<Country, readonly KnownVersion[]>

interface Held {
  versions: Versions
  /** The highest version that an object was seen to judge by. */
  judgedBy: Map<Country, number>
  readAtMs: number
}

const NOTHING: Held = { versions: new Map(), judgedBy: new Map(), readAtMs: Number.NEGATIVE_INFINITY }
const held: Held = { ...NOTHING, judgedBy: new Map() }

/**
 * The policy in force in a country. While D1 cannot be read the last one known is used: this isolate's, or the one that
 * the device was last judged by. A push never waits for a D1 that is down more than once in 10 s.
 */
export async function policyFor(env: Env, country: Country, lastKnown: Policy, nowMs: number): Promise<Policy> {
  held.judgedBy.set(country, Math.max(held.judgedBy.get(country) ?? 0, lastKnown.version))
  await refresh(env, nowMs)
  const policy = inForceAt(held.versions.get(country) ?? [], nowMs)?.policy
  // Versions only grow: an isolate whose copy is older than the object's must not go back.
  return policy !== undefined && policy.version >= lastKnown.version ? policy : lastKnown
}

/** All policies in force, for answers that show them. Empty when D1 cannot be read and none was read before. */
export async function policiesInForce(env: Env, nowMs: number): Promise<ReadonlyMap<Country, Policy>> {
  await refresh(env, nowMs)
  const found = [...held.versions.values()].flatMap((versions) => inForceAt(versions, nowMs)?.policy ?? [])
  return new Map(found.map((policy) => [policy.country, policy]))
}

/**
 * The newest versions of a country as they stand now, for whoever changes them or decides by them.
 *
 * @returns the newest first; undefined when nobody can say
 * @throws what D1 throws
 */
export async function versionsNow(env: Env, country: Country): Promise<readonly KnownVersion[] | undefined> {
  return (await readVersions(env, known(), [country])).get(country)
}

/** @returns the version in force now, as D1 has it @throws what D1 throws */
export const policyNow = async (env: Env, country: Country, nowMs: number): Promise<KnownVersion | undefined> =>
  inForceAt((await versionsNow(env, country)) ?? [], nowMs)

/** A version that this isolate has read, also when D1 has lost it. */
export const heldVersion = (country: Country, version: number): KnownVersion | undefined =>
  held.versions.get(country)?.find(({ policy }) => policy.version === version)

/**
 * Every request that finds the copy old reads for itself: a request that waits for what another one began hangs for
 * ever in workerd when that one's client goes away.
 */
async function refresh(env: Env, nowMs: number): Promise<void> {
  if (nowMs - held.readAtMs < POLICY_FRESH_MS) return
  const before = known()
  try {
    const versions = await withDeadline(readVersions(env, before, COUNTRIES), READ_DEADLINE_MS)
    // A read that began earlier may end later.
    if (nowMs >= held.readAtMs) held.versions = versions
  } catch (error) {
    logger.warn('policies cannot be read; the last known stay in force', { error })
  }
  held.readAtMs = Math.max(held.readAtMs, nowMs)
}

/** What D1 has, with what it has no more and a Country Object or this isolate knows. */
async function readVersions(env: Env, { versions, judgedBy }: Known, countries: readonly Country[]): Promise<Versions> {
  const read = await readNewest(env, countries)
  const kept = await keptVersions(env, read, countries)
  const all = countries.map((country) => [country, together(versions.get(country), kept.get(country))] as const)
  return withLost(env, { versions: new Map([...versions, ...all]), judgedBy }, read, countries)
}

/** The newest first, each once. */
function together(...lists: readonly (readonly KnownVersion[] | undefined)[]): readonly KnownVersion[] {
  const byNumber = new Map(lists.flatMap((list = []) => list.map((one) => [one.policy.version, one] as const)))
  return [...byNumber.values()].sort((a, b) => b.policy.version - a.policy.version)
}

/** What is known now: all of it was in D1 before a read that begins now. */
const known = (): Known => ({ versions: held.versions, judgedBy: new Map(held.judgedBy) })
type Known = Pick<Held, 'versions' | 'judgedBy'>

/**
 * Versions are never taken back: one that is known and is in D1 no more was deleted there. It stays in force,
 * people are told, and its row is written again. One that only a device's object was judged by is told of.
 */
async function withLost(
  env: Env,
  { versions, judgedBy }: Known,
  read: Versions,
  countries: readonly Country[],
): Promise<Versions> {
  const whole = new Map(versions)
  for (const country of countries) {
    const now = read.get(country) ?? []
    const here = new Set(now.map(({ policy }) => policy.version))
    const oldest = now.length === 0 ? FIRST_VERSION : Math.min(...here)
    const before = versions.get(country) ?? []
    const lost = before.filter(({ policy: { version } }) => !here.has(version) && version > oldest)
    const merged = now.length === 0 ? before : together(now, lost)
    if (merged.length === 0) continue
    whole.set(country, merged)
    const judged = judgedBy.get(country) ?? 0
    const missing = lost.map(({ policy }) => policy.version)
    if (judged > (merged[0]?.policy.version ?? 0)) missing.push(judged)
    for (const version of missing) alarm('policy_lost', 'a version of a policy is in D1 no more', { country, version })
    for (const version of lost) await writeAgain(env, version)
  }
  return whole
}

async function writeAgain(env: Env, { policy, signed }: KnownVersion): Promise<void> {
  if (signed === undefined) return
  try {
    await commit(env.DB, [versionInsert(env.DB, policy, signed)])
  } catch (error) {
    logger.warn('a lost version of a policy is not written again', { error, version: policy.version })
  }
}

/** For tests, which change policies within one isolate. */
export function forgetPolicies(): void {
  Object.assign(held, NOTHING, { judgedBy: new Map() })
}
