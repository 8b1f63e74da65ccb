import { activityKey, calendarDay } from '../protocol/activity.ts'
import { DAY_MS } from '../protocol/time.ts'
import { MISSING_BUNDLES_MAX } from './limits.ts'
import { NEUTRAL } from './reputation.ts'
import type { Rule, Scene } from './rule.ts'
import { ramp } from './weights.ts'

/** About the device and its chain: they concern every payment of the bundle. */
const chainHole: Rule = ({ holes }) => {
  if (holes <= 0) return undefined
  return { rule: 'chain_hole', strength: ramp(holes, 0, 3), detail: `${holes} bundles before this one are missing` }
}

const chainGap: Rule = ({ missingBefore }) => {
  if (missingBefore <= MISSING_BUNDLES_MAX) return undefined
  return { rule: 'chain_gap', strength: 1, detail: `${missingBefore} bundles are missing in all` }
}

const recentConflict: Rule = ({ recentConflicts }) => {
  if (recentConflicts <= 0) return undefined
  const detail = `${recentConflicts} bundles of this device contradicted others in the last 30 days`
  return { rule: 'recent_conflict', strength: ramp(recentConflicts, 0, 2), detail }
}

const lowReputation: Rule = ({ reputation }) => {
  const strength = ramp(NEUTRAL - reputation, 0, NEUTRAL)
  return { rule: 'low_reputation', strength, detail: `reputation ${reputation.toFixed(2)} of 1` }
}

/** A device counts as new for a week; by then a stolen enrolment is noticed. */
const NEW_FOR_MS = 7 * DAY_MS

/**
 * Grows with both: how new it is, and how much of a day's allowance it moves. A shop that opens with half of it stays
 * below 0.15.
 */
const newDeviceValue: Rule = (scene) => {
  const newness = 1 - ramp(scene.deviceAgeMs, 0, NEW_FOR_MS)
  // Calendar days are dear to count, and most devices are not new.
  if (newness === 0) return undefined
  const share = ramp(fullestDay(scene), 0, scene.policy.maxOfflineValuePerDevicePerDay)
  const days = Math.floor(scene.deviceAgeMs / DAY_MS)
  const detail = `registered ${days} days ago, moves ${Math.round(share * 100)} % of a day's allowance`
  return { rule: 'new_device_value', strength: newness * share, detail }
}

/** The most value that one day holds with this bundle. */
function fullestDay({ payments, policy, activity }: Scene): number {
  const days = new Map<string, number>()
  for (const { initiatedAtMs, currency, amount } of payments) {
    const key = activityKey(calendarDay(initiatedAtMs, policy.timeZone), currency)
    days.set(key, (days.get(key) ?? activity.get(key)?.value ?? 0) + amount)
  }
  return Math.max(0, ...days.values())
}

export const deviceRules: readonly Rule[] = [chainHole, chainGap, recentConflict, lowReputation, newDeviceValue]
