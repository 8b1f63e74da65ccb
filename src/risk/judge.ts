import type { Activity } from '../protocol/activity.ts'
import type { Payment } from '../protocol/payment.ts'
import { type Judgement, judge, type RuleContext, type Verdict } from '../protocol/rules.ts'
import { REASONS_MAX } from './limits.ts'
import type { LocalScore } from './local.ts'
import { isScore, type RemoteFailure, type RemoteRisk, type RemoteScore, type RiskReason } from './score.ts'

/** The one score of a bundle, as it is stored and shown. */
export interface RiskRecord {
  /** The highest that any payment of the bundle has. */
  readonly score: number
  /** For every payment of the bundle. */
  readonly shared: number
  /** `[counter, score]` of payments that have a higher one of their own. */
  readonly payments: readonly (readonly [counter: number, score: number])[]
  readonly reasons: readonly RiskReason[]
  readonly scoredBy: 'sira' | 'local' | 'fixed'
  /** Why the remote scorer did not speak; only with `local`. */
  readonly fallback?: RemoteFailure['reason']
  /** Of the model or the rules. */
  readonly version: string
}

/** What a score rests on: all of the record but the number. */
export type RiskBasis = Omit<RiskRecord, 'score'>

/** The record, and what each payment is judged by. */
export interface Assessment {
  readonly record: RiskRecord
  readonly riskOf: (counter: number) => number
}

/**
 * The remote score when there is a valid one, otherwise the local score with the reason. Never nothing: what could not
 * be scored remotely is scored here.
 *
 * Whoever scores remotely judges payments, and is not told what the device's chain, its contradictions and its name are.
 * So those rules hold beside the remote score, and the stricter of the two counts.
 */
export function combine(remote: RemoteRisk, local: LocalScore): Assessment {
  if (!remote.ok) return assessment(local, local.shared, remote.error.reason)
  // It was checked when it was read; this is where money would move on it.
  if (!valid(remote.value)) return assessment(local, local.shared, 'invalid_answer')
  const { score, payments } = remote.value
  const { device } = local
  if (device.score <= score) return assessment(remote.value, score)
  const reasons = [...remote.value.reasons, ...device.reasons].slice(0, REASONS_MAX)
  const highest = payments.some(([, own]) => own >= device.score) ? remote.value : local
  return assessment({ scoredBy: highest.scoredBy, version: highest.version, payments, reasons }, device.score)
}

const valid = ({ score, payments }: RemoteScore): boolean => isScore(score) && payments.every(([, own]) => isScore(own))

function assessment(
  {
    scoredBy,
    payments,
    reasons,
    version,
  }: Pick<RemoteScore | LocalScore, 'scoredBy' | 'payments' | 'reasons' | 'version'>,
  shared: number,
  fallback?: RiskRecord['fallback'],
): Assessment {
  // A payment's own score can only add to what concerns the whole bundle.
  const own = payments.filter(([, score]) => score > shared)
  const score = Math.max(shared, ...own.map(([, score]) => score))
  const basis = { shared, payments: own, reasons, scoredBy, ...(fallback !== undefined && { fallback }), version }
  return { record: { score, ...basis }, riskOf: riskOf(basis) }
}

/** What each payment is judged by, now or when its bundle is looked at again. */
export function riskOf({ shared, payments }: Pick<RiskBasis, 'shared' | 'payments'>): Assessment['riskOf'] {
  const own = new Map(payments)
  return (counter) => own.get(counter) ?? shared
}

/**
 * The policy's rules with each payment's own risk. They hold whoever scored: above `requireManualReviewAbove` a person
 * looks, and so never less when the score is only a local one.
 *
 * @returns as `judge` does
 */
export function judgeWithRisk(
  payments: readonly Payment[],
  activity: Activity,
  context: Omit<RuleContext, 'riskScore'>,
  { riskOf }: Pick<Assessment, 'riskOf'>,
): Judgement {
  const verdicts: Verdict[] = []
  const { timeFloorMs, unsynced, usedRequests } = context
  let after: Omit<Judgement, 'verdicts'> = { activity, timeFloorMs, unsynced, usedRequests }
  for (const payment of payments) {
    const { activity: before, ...known } = after
    const riskScore = riskOf(payment.counter)
    const judged = judge([payment], before, { ...context, ...known, riskScore })
    verdicts.push(...judged.verdicts)
    after = judged
  }
  return { ...after, verdicts }
}
