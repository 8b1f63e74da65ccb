import { approvalOf, needsApproval } from './approval.ts'
import { toHex } from './bytes.ts'
import type { DeviceId } from './ids.ts'
import { SECOND_SIGNATURE_MINUTES } from './limits.ts'
import type { Payment } from './payment.ts'
import type { Policy } from './policy.ts'
import { HOUR_MS, MINUTE_MS } from './time.ts'

/** Requests of a device that payments of it have used up: a request is good for one payment, whoever approved it. */
export type UsedRequests = readonly (readonly [requestId: string, signedAtMs: number])[]

/** @returns the request that a payment uses up, in hex; undefined where it needs no approval, or carries none */
export function requestOf(payment: Payment, takerId: DeviceId, policy: Pick<Policy, 'requireAgentApprovalAbove'>) {
  const approval = needsApproval(payment, policy) ? approvalOf(payment, takerId) : undefined
  return approval && ([toHex(approval.claims.requestId), approval.claims.signedAtMs] as const)
}

export const isUsed = (used: UsedRequests, requestId: Uint8Array): boolean => {
  const id = toHex(requestId)
  return used.some(([other]) => other === id)
}

/** Drops those whose approvals no payment can carry any more, because it would be too old. */
export function recentRequests(
  used: UsedRequests,
  { maxBundleAgeHours, maxClockSkewMinutes }: Pick<Policy, 'maxBundleAgeHours' | 'maxClockSkewMinutes'>,
  nowMs: number,
): UsedRequests {
  const ageMs = maxBundleAgeHours * HOUR_MS + (SECOND_SIGNATURE_MINUTES + maxClockSkewMinutes) * MINUTE_MS
  return used.filter(([, signedAtMs]) => signedAtMs >= nowMs - ageMs)
}
