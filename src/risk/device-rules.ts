import { MISSING_BUNDLES_MAX } from './limits.ts'
import { NEUTRAL } from './reputation.ts'
import type { Rule } from './rule.ts'
import { ramp } from './weights.ts'

/** About the device and its chain: they concern every payment of the bundle. */
const chainHole: Rule = ({ holes }) => {
  if (holes <= 0) return undefined
  return { rule: 'chain_hole', strength: ramp(holes, 0, 3), detail: `${holes} bundles before this one are missing` }
}

/**
 * Only what the device itself says debits the owner's wallet, so whoever speaks for the device must be in its place. The
 * edge looks as long as anything is missing, not only at the bundle that jumped.
 */
const debitAfterHole: Rule = ({ missingBefore, payments, ownerWallet }) => {
  const debits = payments.filter(({ sender }) => sender === ownerWallet).length
  if (missingBefore <= 0 || debits === 0) return undefined
  const detail = `${debits} debits of the owner's wallet, with ${missingBefore} bundles missing before them`
  return { rule: 'debit_after_hole', strength: 1, detail }
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

export const deviceRules: readonly Rule[] = [chainHole, debitAfterHole, chainGap, recentConflict, lowReputation]
