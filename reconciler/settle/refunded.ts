import type pg from 'pg'
import type { PaymentName } from '../../src/protocol/payment.ts'
import { refundedBy } from '../../src/protocol/refunds.ts'
import { type AuthorisedBundle, isAlive } from './authorise.ts'

/**
 * Refunds whose payments are not here. A device gives back what it has sent before, and another till what it was shown, but the queue
 * keeps no order, and a bundle may be lost and sent again: so such a refund waits as long as a signer's device is waited for, and
 * then for people. It fails only when its payment shows that it cannot be given back.
 */
interface Refund {
  readonly of: number
  readonly payment: Required<PaymentName>
}

/** @returns for each bundle whether the payment of one of its refunds is unknown here */
export async function findUnknownRefunded(
  pool: pg.Pool,
  bundles: readonly AuthorisedBundle[],
): Promise<readonly boolean[]> {
  const refunds = bundles.flatMap(refundsIn)
  const unknown = new Set<number>()
  if (refunds.length > 0) {
    const { rows } = await pool.query<{ no: number }>(
      `SELECT x.no FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS x (device_id, counter, no)
       WHERE NOT EXISTS (SELECT FROM offline_transactions t WHERE t.device_id = x.device_id AND t.counter = x.counter)
         AND NOT EXISTS (SELECT FROM offline_tx_voids v WHERE v.device_id = x.device_id AND v.counter = x.counter)`,
      [refunds.map(({ payment }) => payment.deviceId), refunds.map(({ payment }) => payment.counter)],
    )
    for (const { no } of rows) unknown.add(refunds[no - 1]?.of ?? -1)
  }
  return bundles.map((_, of) => unknown.has(of))
}

/** That may still move money, and give back something of another bundle: what comes with them is recorded before them. */
export function refundsIn(bundle: AuthorisedBundle, of: number): readonly Refund[] {
  const { deviceId, firstCounter, lastCounter } = bundle.verified.receipt
  return bundle.payments.flatMap((payment): Refund[] => {
    const refunded = refundedBy(payment, deviceId)
    if (refunded === undefined || !isAlive(bundle.verified, payment)) return []
    const comesToo =
      refunded.deviceId === deviceId && refunded.counter >= firstCounter && refunded.counter <= lastCounter
    return comesToo ? [] : [{ of, payment: refunded }]
  })
}
