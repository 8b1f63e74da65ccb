import type pg from 'pg'
import { isVoided } from '../../src/protocol/payment.ts'
import { type AuthorisedBundle, isAlive } from './authorise.ts'

/**
 * Payments under a number that their device gave to no payment in an earlier bundle of its chain. It contradicts itself,
 * and a person looks. Which bundle is the earlier one is the device's own order, not the order in which they come here.
 *
 * @returns for each bundle the counters of such payments
 */
export async function findVoided(
  pool: pg.Pool,
  bundles: readonly AuthorisedBundle[],
): Promise<readonly ReadonlySet<number>[]> {
  const { rows } = await pool.query<{ of: number; counter: number }>(
    `SELECT x.no AS of, v.counter
     FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
          WITH ORDINALITY AS x (device_id, seq, first_counter, last_counter, no)
     JOIN offline_tx_voids v ON v.device_id = x.device_id AND v.counter BETWEEN x.first_counter AND x.last_counter
     JOIN offline_tx_bundles b ON b.device_id = v.device_id AND b.bundle_id = v.bundle_id
     WHERE b.seq < x.seq`,
    [
      bundles.map(({ verified }) => verified.receipt.deviceId),
      bundles.map(({ verified }) => verified.receipt.seq),
      bundles.map(({ verified }) => verified.receipt.firstCounter),
      bundles.map(({ verified }) => verified.receipt.lastCounter),
    ],
  )
  const recorded = Map.groupBy(rows, ({ of }) => of - 1)
  return voidedOf(
    bundles,
    bundles.map((_, i) => recorded.get(i)?.map(({ counter }) => counter) ?? []),
  )
}

/** @param recorded of each bundle the numbers that earlier bundles in the book give to no payment */
export function voidedOf(
  bundles: readonly AuthorisedBundle[],
  recorded: readonly (readonly number[])[],
): readonly ReadonlySet<number>[] {
  return bundles.map((bundle, i) => {
    const { deviceId, seq } = bundle.verified.receipt
    const voided = new Set(recorded[i])
    for (const { verified } of bundles) {
      if (verified.receipt.deviceId !== deviceId || verified.receipt.seq >= seq) continue
      for (const entry of verified.payload.entries) if (isVoided(entry)) voided.add(entry.counter)
    }
    const alive = bundle.payments.filter((payment) => isAlive(bundle.verified, payment))
    return new Set(alive.map(({ counter }) => counter).filter((counter) => voided.has(counter)))
  })
}
