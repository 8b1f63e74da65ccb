import { MINUTE_MS } from '../protocol/time.ts'
import { amountRules } from './amount-rules.ts'
import { deviceRules } from './device-rules.ts'
import { recentPayments, seenPayment } from './history.ts'
import { REASONS_MAX } from './limits.ts'
import { linkedRules } from './linked-rules.ts'
import { partyRules } from './party-rules.ts'
import { payoutRules } from './payout-rules.ts'
import type { LocalInput, Rule, Scene } from './rule.ts'
import type { RiskReason } from './score.ts'
import { timeRules } from './time-rules.ts'
import { type RuleName, WEIGHTS } from './weights.ts'

export interface LocalScore {
  readonly scoredBy: 'local'
  /** The highest that any payment of the bundle has. */
  readonly score: number
  /** For every payment of the bundle. */
  readonly shared: number
  /** `[counter, score]` of payments that a rule spoke about: what all share, and their own. */
  readonly payments: readonly (readonly [counter: number, score: number])[]
  readonly reasons: readonly RiskReason[]
  /** What the rules about the device and its chain alone say, for every payment of the bundle (device-rules.ts). */
  readonly device: { readonly score: number; readonly reasons: readonly RiskReason[] }
  readonly version: string
}

/** Changes with every rule, weight and threshold: a stored score must say what it was made by. */
export const LOCAL_VERSION = 'local-3'

/** Scores are whole ten-thousandths, as on the wire: the same sum in whatever order it is added. */
const UNIT = 10_000

const RULES: readonly Rule[] = [
  ...deviceRules,
  ...timeRules,
  ...amountRules,
  ...linkedRules,
  ...payoutRules,
  ...partyRules,
]

/**
 * The local risk scorer: named, deterministic rules over a bundle and what its device did before. It decides alone when
 * the remote scorer cannot be asked, with the same result at the edge and at the reconciler for the same input.
 *
 * Each rule has a weight (weights.ts) and speaks with a strength of 0–1. What they say adds up, so that one can read how
 * a score came about; 1 at the most. A rule speaks about the whole bundle or about some of its payments, and then the
 * others do not pay for them.
 */
export function assessLocally(input: LocalInput): LocalScore {
  const seen = [...recentPayments(input.history), ...input.payments.map(seenPayment)].sort((a, b) => a.atMs - b.atMs)
  const scene: Scene = { ...input, seen, skewMs: input.policy.maxClockSkewMinutes * MINUTE_MS }
  let shared = 0
  const device = { units: 0, reasons: [] as RiskReason[] }
  const own = new Map<number, number>()
  const reasons: RiskReason[] = []
  for (const rule of RULES) {
    const finding = rule(scene)
    if (finding === undefined) continue
    const forAll = units(finding.rule, finding.strength ?? 0)
    let most = forAll
    shared += forAll
    for (const [counter, strength] of finding.about ?? []) {
      const adds = units(finding.rule, strength)
      if (adds > 0) own.set(counter, (own.get(counter) ?? 0) + adds)
      most = Math.max(most, adds)
    }
    const reason = { rule: finding.rule, detail: finding.detail, adds: most / UNIT }
    if (most > 0) reasons.push(reason)
    if (forAll > 0 && deviceRules.includes(rule)) {
      device.units += forAll
      device.reasons.push(reason)
    }
  }
  const highest = Math.max(0, ...own.values())
  return {
    scoredBy: 'local',
    score: scoreOf(shared + highest),
    shared: scoreOf(shared),
    payments: [...own].map(([counter, units]) => [counter, scoreOf(shared + units)] as const),
    reasons: reasons.slice(0, REASONS_MAX),
    device: { score: scoreOf(device.units), reasons: device.reasons },
    version: LOCAL_VERSION,
  }
}

const scoreOf = (sum: number): number => Math.min(UNIT, sum) / UNIT

function units(rule: RuleName, strength: number): number {
  // A broken number must not come out as no risk.
  const bounded = Number.isNaN(strength) ? 1 : Math.min(1, Math.max(0, strength))
  return Math.round(WEIGHTS[rule] * bounded * UNIT)
}
