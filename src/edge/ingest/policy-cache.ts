import type { Country, Policy } from '../../protocol/policy.ts'
import { logger } from '../log.ts'
import { readPoliciesInForce } from '../store/policies.ts'
import { withDeadline } from './deadline.ts'

/** Policies are read from D1 every 10 s at the most, so a country can be switched off in 10 s. */
const POLICY_FRESH_MS = 10_000

/** How long a push waits for D1. */
const READ_DEADLINE_MS = 2_000

interface Held {
  policies: ReadonlyMap<Country, Policy>
  readAtMs: number
}

const held: Held = { policies: new Map(), readAtMs: Number.NEGATIVE_INFINITY }

/**
 * The policy in force in a country. While D1 cannot be read the last one known is used: this isolate's, or the one that
 * the device was last judged by. A push never waits for a D1 that is down more than once in 10 s.
 */
export async function policyFor(db: D1Database, country: Country, lastKnown: Policy, nowMs: number): Promise<Policy> {
  if (nowMs - held.readAtMs >= POLICY_FRESH_MS) await refresh(db, nowMs)
  const policy = held.policies.get(country)
  // Versions only grow: an isolate whose copy is older than the object's must not go back.
  return policy !== undefined && policy.version >= lastKnown.version ? policy : lastKnown
}

/** All policies in force, for answers that show them. Empty when D1 cannot be read and none was read before. */
export async function policiesInForce(db: D1Database, nowMs: number): Promise<ReadonlyMap<Country, Policy>> {
  if (nowMs - held.readAtMs >= POLICY_FRESH_MS) await refresh(db, nowMs)
  return held.policies
}

/**
 * Every request that finds the copy old reads for itself: a request that waits for what another one began hangs for
 * ever in workerd when that one's client goes away.
 */
async function refresh(db: D1Database, nowMs: number): Promise<void> {
  try {
    const policies = await withDeadline(readPoliciesInForce(db, nowMs), READ_DEADLINE_MS)
    // A read that began earlier may end later.
    if (nowMs >= held.readAtMs) held.policies = policies
  } catch (error) {
    logger.warn('policies cannot be read; the last known stay in force', { error })
  }
  held.readAtMs = Math.max(held.readAtMs, nowMs)
}

/** For tests, which change policies within one isolate. */
export function forgetPolicies(): void {
  held.policies = new Map()
  held.readAtMs = Number.NEGATIVE_INFINITY
}
