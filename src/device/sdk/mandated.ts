import { localId } from '../../protocol/ids.ts'
import type { PaymentType } from '../../protocol/payment.ts'
import type { SyncDeps } from './sync/sync-deps.ts'

/** A payment that somebody else's device took out of this device's wallet, and that its holder's mandate paid without asking. */
export interface MandatedPayment {
  /** `POS-001/42`: the payment's name everywhere; before the slash stands the till that took it. */
  readonly localId: string
  readonly type: PaymentType
  /** Minor units. */
  readonly amount: number
  readonly currency: string
  /** The wallet that got the money. */
  readonly receiver: string
  /** UTC milliseconds: by the clock of the device that took it, and when the money moved. */
  readonly initiatedAtMs: number
  readonly postedAtMs: number
}

/** By the last verified notice, the newest first. */
export function mandatedPayments({ device }: Pick<SyncDeps, 'device'>): readonly MandatedPayment[] {
  if (!device.hasState) return []
  return (device.state.mandated ?? []).map(({ takerId, counter, ...shown }) => {
    return { localId: localId(takerId, counter), ...shown }
  })
}
