import { type DeviceId, localId } from '../../protocol/ids.ts'
import type { PaymentType } from '../../protocol/payment.ts'

/** A payment that somebody else's device took out of this device's wallet: a claim (claims.ts), or by a mandate (mandated.ts). */
export interface TakenByOthers {
  /** `POS-001/42`: the payment's name everywhere; before the slash stands the till that took it. */
  readonly localId: string
  readonly type: PaymentType
  /** Minor units. */
  readonly amount: number
  readonly currency: string
  /** The wallet that asks for the money, or got it. */
  readonly receiver: string
  /** UTC milliseconds, by the clock of the device that took it. */
  readonly initiatedAtMs: number
}

/** As the notice names it, and as people are shown it. */
export function takenByOthers<Told extends { readonly takerId: DeviceId; readonly counter: number }>({
  takerId,
  counter,
  ...told
}: Told) {
  return { localId: localId(takerId, counter), ...told }
}
