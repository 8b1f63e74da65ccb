import { type Activity, recentActivity } from '../../protocol/activity.ts'
import { recentRequests, type UsedRequests } from '../../protocol/approval-uses.ts'
import { type KeptConsent, paysUntil } from '../../protocol/consent.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import type { Payment } from '../../protocol/payment.ts'
import type { Policy } from '../../protocol/policy.ts'
import { decisionFor, type Receipt } from '../../protocol/receipt.ts'
import type { Decision } from '../../protocol/states.ts'
import { recentUnsynced, type Unsynced } from '../../protocol/unsynced.ts'
import { judgeWithRisk, type RiskBasis, riskOf } from '../../risk/judge.ts'

/**
 * What a policy would have decided about payments that were decided by another: the same rules, over the bundles of one
 * device in the order of their arrival. Pure.
 */
export interface PastBundle {
  readonly seq: number
  readonly receivedAtMs: number
  readonly risk: Pick<RiskBasis, 'shared' | 'payments'>
  readonly payments: readonly Payment[]
  readonly receipt: Receipt
}

/** Payments that were decided alike, and would have been decided alike, for one reason. */
export interface Compared {
  readonly decided: Decision
  readonly would: Decision
  /** Of what would have been decided. */
  readonly reason?: string
  readonly count: number
  readonly amount: number
}
export type Comparison = ReadonlyMap<string, Compared>

/** Adds to what is compared already. */
export function add(total: Map<string, Compared>, more: Compared): void {
  const key = `${more.decided} ${more.would} ${more.reason ?? ''}`
  const { count, amount } = total.get(key) ?? { count: 0, amount: 0 }
  total.set(key, { ...more, count: count + more.count, amount: amount + more.amount })
}

/** The device whose payments they are. */
export interface PastDevice {
  readonly deviceId: DeviceId
  readonly ownerWallet: string
  readonly consents: readonly KeptConsent[]
  readonly registeredAtMs: number
}

/** @param fromMs bundles before it only fill the days that later payments count towards */
export function judgeAgain(
  policy: Policy,
  { deviceId: takerId, ownerWallet, consents, registeredAtMs }: PastDevice,
  bundles: readonly PastBundle[],
  fromMs: number,
): Comparison {
  const compared = new Map<string, Compared>()
  let activity: Activity = new Map()
  let unsynced: Unsynced = []
  let usedRequests: UsedRequests = []
  const floors = new Map([[0, registeredAtMs]])
  for (const { seq, receivedAtMs, risk, payments, receipt } of bundles) {
    // A copy of a payment was decided by the bundle that came first.
    const own = payments.filter(({ counter }) => decisionFor(receipt, counter).reason !== 'duplicate')
    // One that fills a hole is held against the bundle before the hole.
    const timeFloorMs = floors.get(Math.max(...[...floors.keys()].filter((known) => known < seq)))
    // Whichever of its keys had signed.
    const paysUntilMs = paysUntil(consents, undefined, receivedAtMs)
    const known = { timeFloorMs, unsynced, usedRequests }
    const context = { policy, nowMs: receivedAtMs, takerId, ownerWallet, paysUntilMs, ...known }
    const judged = judgeWithRisk(own, activity, context, { riskOf: riskOf(risk) })
    activity = recentActivity(judged.activity, policy, receivedAtMs)
    unsynced = recentUnsynced(judged.unsynced ?? unsynced, policy, receivedAtMs)
    usedRequests = recentRequests(judged.usedRequests ?? usedRequests, policy, receivedAtMs)
    floors.set(seq, judged.timeFloorMs ?? registeredAtMs)
    if (receivedAtMs < fromMs) continue
    own.forEach(({ counter, amount }, index) => {
      const verdict = judged.verdicts[index]
      if (verdict === undefined) throw new Error('a payment without a verdict')
      const { decision: would, reason } = verdict
      const { decision: decided } = decisionFor(receipt, counter)
      add(compared, { decided, would, ...(reason !== undefined && { reason }), count: 1, amount })
    })
  }
  return compared
}
