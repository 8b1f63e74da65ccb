import { isPayment, type Payment } from '../../src/protocol/payment.ts'
import type { BookedPayment } from '../book-view.ts'
import type { AdmittedDevice } from './admitted.ts'

/** A refund as it was signed, and what it names. */
export interface SignedRefund {
  readonly localId: string
  readonly payment: Payment
  /** The payment that it says it gives back. */
  readonly of: string
}

/** Of every device, as the signed bundles say; a number that came twice as it came first. */
export function signedRefunds(devices: readonly AdmittedDevice[]): readonly SignedRefund[] {
  return devices.flatMap(({ id, bundles }) => {
    const seen = new Set<number>()
    return bundles.flatMap(({ entries }) =>
      entries.flatMap((entry): SignedRefund[] => {
        if (seen.has(entry.counter)) return []
        seen.add(entry.counter)
        if (!isPayment(entry) || entry.type !== 'refund' || entry.refundOf === undefined) return []
        const { deviceId = id, counter } = entry.refundOf
        return [{ localId: `${id}/${entry.counter}`, payment: entry, of: `${deviceId}/${counter}` }]
      }),
    )
  })
}

/** What was given back was paid, the other way, and is no more than was paid; what was refused for being too much was too much. */
export function refundsGiveBackWhatWasPaid(
  refunds: readonly SignedRefund[],
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  const wrong: string[] = []
  const names = new Set(refunds.map(({ localId }) => localId))
  for (const [of, all] of Map.groupBy(refunds, (one) => one.of)) {
    const paid = booked.get(of)
    const rows = all.flatMap(({ localId }) => booked.get(localId) ?? [])
    const sum = (status: string) =>
      rows.filter((row) => row.status === status).reduce((minor, { amount }) => minor + amount, 0)
    for (const row of rows) {
      const { localId, status, amount, sender, receiver, reason } = row
      const moved = status === 'succeeded' || status === 'reversed'
      const wasPaid = paid?.status === 'succeeded' || paid?.status === 'reversed'
      if (moved && (!wasPaid || names.has(of))) wrong.push(`${localId} gave back ${of}, which was not paid`)
      if (moved && (paid?.sender !== receiver || paid?.receiver !== sender)) {
        wrong.push(`${localId} gave ${receiver} back what ${paid?.sender} paid to ${paid?.receiver} (${of})`)
      }
      // Others may have stood when it was judged, and were reversed since.
      const others = sum('succeeded') + sum('reversed')
      if (reason === 'refund_above_payment' && paid !== undefined && others + amount <= paid.amount) {
        wrong.push(`${localId} is too much, and with ${others} F given back of ${paid.amount} F it is not`)
      }
    }
    if (paid !== undefined && sum('succeeded') > paid.amount) {
      wrong.push(`${sum('succeeded')} F were given back of ${of}, which was ${paid.amount} F`)
    }
  }
  return wrong
}
