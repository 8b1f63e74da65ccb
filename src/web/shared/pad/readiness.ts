import type { Limits, OfflineState } from '../../../device/sdk/index.ts'

/**
 * Why the till takes nothing at all, by the rules that the SDK applies.
 *
 * - `closed`: the device is not read yet, needs a network first, or was closed in this tab
 * - `suspended`: the policy allows no payments
 * - `unsynced_used`: as much as may be was taken without a sync
 */
export type Unready = 'blocked' | 'closed' | 'overdue' | 'suspended' | 'count_used' | 'unsynced_used' | 'value_used'

export interface Standing {
  readonly status: OfflineState['status']
  readonly isEnabled: boolean
  readonly allowance: Limits
  /** The device's own time, by which the SDK judges. */
  readonly nowMs: number
}

/** These are for the person's eyes, before anybody is asked to pay; the SDK judges once more, and its word holds. */
export function unreadiness({ status, isEnabled, allowance, nowMs }: Standing): Unready | undefined {
  if (status === 'blocked') return 'blocked'
  if (status !== 'ready' && status !== 'offline_ready') return 'closed'
  if (nowMs > allowance.syncBeforeMs) return 'overdue'
  if (!isEnabled) return 'suspended'
  if (allowance.count.remaining === 0) return 'count_used'
  if (allowance.unsynced.remaining === 0) return 'unsynced_used'
  return allowance.remaining === 0 ? 'value_used' : undefined
}

/** Which limit an amount is above: the one of every payment, or what is left of the one between syncs, or of the day's. */
export function excess(
  amountMinor: number,
  { maxAmount, remaining, unsynced }: Limits,
): 'payment' | 'unsynced' | 'day' | undefined {
  if (amountMinor > maxAmount) return 'payment'
  if (amountMinor <= remaining) return undefined
  return unsynced.remaining === remaining ? 'unsynced' : 'day'
}
