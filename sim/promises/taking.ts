import type { OfflineSDK, PaymentTerms } from '../../src/device/sdk/index.ts'

/** What a device may take, as it shows it itself. */
interface Room {
  readonly version: number
  readonly enabled: boolean
  /** A payment of this many minor units, and no more. */
  readonly most: number
  readonly proofAbove: number
  readonly approvalAbove: number
  readonly skewMinutes: number
  readonly ownerWallet: string
  /** Out of that wallet. */
  readonly pays: boolean
  /** Payments and minor units that the day has left. */
  readonly countLeft: number
  readonly valueLeft: number
  /** Minor units that it may take before the next sync. */
  readonly unsyncedLeft: number
}

/** @returns undefined where the device has had no contact yet, so that it takes nothing */
export function roomOf(sdk: OfflineSDK): Room | undefined {
  const { profile } = sdk
  if (profile === undefined) return undefined
  const { policy, ownerWallet, paysUntilMs } = profile
  const { count, amountsByCurrency, unsynced } = sdk.getLimits()
  const value = amountsByCurrency[policy.currency]
  return {
    ...{
      ownerWallet,
      pays: paysUntilMs !== undefined,
      version: policy.version,
      enabled: policy.enabled,
      most: policy.maxOfflineAmount,
    },
    ...{ proofAbove: policy.requirePayerProofAbove, approvalAbove: policy.requireAgentApprovalAbove },
    skewMinutes: policy.maxClockSkewMinutes,
    unsyncedLeft: policy.maxOfflineValueBetweenSyncs - unsynced.used,
    countLeft: count.max - count.used,
    valueLeft: (value?.max ?? 0) - (value?.used ?? 0),
  }
}

/** Minutes for which an agent's approval is good. */
const APPROVED_FOR = 15

/** @param ageMin how long before an agent has approved it @param declined the reason that the device gave; undefined when it took the payment @returns what is wrong with it */
export function wrongAnswer(
  terms: PaymentTerms,
  ageMin: number,
  room: Room,
  declined: string | undefined,
): string | undefined {
  const reasons = reasonsAgainst(terms, ageMin, room)
  const answer = declined ?? 'taken'
  const isRight = declined === undefined ? reasons.length === 0 : reasons.includes(declined)
  const why = reasons.length > 0 ? `is ${reasons.join(', ')}` : 'is allowed'
  return isRight ? undefined : `a payment of ${terms.amount} F was ${answer}, which ${why} by version ${room.version}`
}

function reasonsAgainst(
  { amount, sender, receiver, authorization, approval }: PaymentTerms,
  ageMin: number,
  room: Room,
): readonly string[] {
  const reasons: string[] = []
  if (!room.enabled) reasons.push('country_disabled')
  if (sender === receiver) reasons.push('same_wallet')
  const isWithin = amount <= room.most && room.countLeft >= 1 && amount <= room.valueLeft
  if (!isWithin) reasons.push('limit_exceeded')
  if (amount > room.unsyncedLeft) reasons.push('unsynced_limit')
  const isForeign = sender !== room.ownerWallet
  if (!isForeign && !room.pays && authorization === undefined) reasons.push('payer_not_proven')
  if (isForeign && amount > room.proofAbove && authorization === undefined) reasons.push('payer_not_proven')
  if (amount > room.approvalAbove) {
    const isTimely = ageMin >= -room.skewMinutes && ageMin <= APPROVED_FOR + room.skewMinutes
    if (approval === undefined) reasons.push('approval_required')
    else if (!isTimely) reasons.push('approval_invalid')
  }
  return reasons
}
