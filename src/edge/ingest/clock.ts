import type { BundleHeader } from '../../protocol/bundle.ts'
import type { Policy } from '../../protocol/policy.ts'
import { HOUR_MS, MINUTE_MS } from '../../protocol/time.ts'

/**
 * Check 6: whether a bundle was signed now, as far as the policy's skew allows. One that another device carries may be
 * older, by as much as the policy lets relays take.
 */
export function signedNow(
  { signedAtMs, relay }: Pick<BundleHeader, 'signedAtMs' | 'relay'>,
  policy: Policy,
  nowMs: number,
): boolean {
  const skewMs = policy.maxClockSkewMinutes * MINUTE_MS
  const pastMs = relay ? policy.maxRelayHours * HOUR_MS : skewMs
  return signedAtMs <= nowMs + skewMs && signedAtMs >= nowMs - pastMs
}
