import { type Guarantee, guaranteeOf } from '../../protocol/guarantee.ts'
import { localId } from '../../protocol/ids.ts'
import type { Payment } from '../../protocol/payment.ts'
import { refundedBy } from '../../protocol/refunds.ts'
import type { Verdict } from '../../protocol/rules.ts'
import { type Entry, type EntryStatus, isCopy, statusOf, voidHolds } from './store/entry.ts'
import type { LocalDevice } from './store/local-device.ts'
import { refundableOf } from './store/refunded.ts'

/** A payment as the app sees it. */
export interface OfflinePayment extends Payment {
  /** `POS-001/42`: its name everywhere, on the device and in the ledger. */
  readonly localId: string
  /** Only `succeeded`, `failed`, `refused` and `reversed` are final; nothing else may look so. */
  readonly status: EntryStatus
  /**
   * Whether the payer has said yes: `signed`, or `claimed`. Of a claim nothing is paid until its payer was asked and has
   * confirmed it (`status` is `claimed` meanwhile, once the edge has it).
   */
  readonly guarantee: Guarantee
  /** Why, for a payment that did not simply succeed. */
  readonly reason?: string
  readonly transferId?: string
  /** When the outcome came about, UTC milliseconds. */
  readonly outcomeAtMs?: number
  /**
   * What the rules said when it was taken: `accepted`, `claimed` for one whose payer will be asked, or `review` for one that a
   * person will look at.
   */
  readonly expected: Verdict
  /** Whether the edge's signed receipt for it was verified. */
  readonly receipted: boolean
  /**
   * It was voided on this device, and the edge has it as a payment (`reason` is `duplicate` until there is an outcome): the
   * payment stands, and only a reversal gives the money back.
   */
  readonly voidRefused?: boolean
  /** What refunds that this device has taken give back of it, those under way too; minor units. */
  readonly refunded: number
  /** What `refund()` may still give back of it; 0 for what was not paid to the owner's wallet, or not yet. */
  readonly refundable: number
  /** Of a refund: the payment that it gives back. */
  readonly refundOfLocalId?: string
}

/** A payment that was just taken. */
export interface TakenPayment extends OfflinePayment {
  /** `online`: the edge's receipt for it is verified, and `status` says what was decided. `offline`: it waits on the device. */
  readonly taken: 'online' | 'offline'
}

type Owner = Pick<LocalDevice, 'deviceId' | 'ownerWallet'>

/**
 * @param refunded what refunds give back of it
 * @returns undefined for a voided counter whose terms could not be read
 */
export function viewOf({ deviceId, ownerWallet }: Owner, entry: Entry, refunded: number): OfflinePayment | undefined {
  const { payment, expected, admitted } = entry
  if (payment === undefined) return undefined
  const voidRefused = entry.voided && !voidHolds(entry)
  const outcome = admitted && !voidHolds(entry) ? entry.outcome : undefined
  // A copy's refusal is not the payment's own. That of a void is why there is a payment.
  const decided = admitted && (voidRefused || !isCopy(admitted)) ? admitted : undefined
  const back = refundedBy(payment, deviceId)
  const reason = outcome ? outcome.reason : decided?.reason
  return {
    ...payment,
    localId: localId(deviceId, entry.counter),
    status: statusOf(entry),
    guarantee: guaranteeOf(payment, { takerId: deviceId, ownerWallet }),
    expected,
    receipted: admitted !== undefined,
    refunded,
    refundable: refundableOf(entry, ownerWallet, refunded),
    ...(back && { refundOfLocalId: localId(back.deviceId, back.counter) }),
    ...(voidRefused && { voidRefused }),
    ...(reason !== undefined && { reason }),
    ...(outcome && { outcomeAtMs: outcome.atMs }),
    ...(outcome?.transferId !== undefined && { transferId: outcome.transferId }),
  }
}
