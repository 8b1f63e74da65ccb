import type pg from 'pg'
import { bundleStatus, type PaymentStatus } from '../../src/protocol/states.ts'
import type { Subject } from '../tell/outbox.ts'

/** A payment whose status changed after its bundle was recorded. */
export interface ChangedPayment {
  readonly device_id: string
  readonly bundle_id: string
}

/** Bundles have the status that follows from their payments, and a higher `rev` than what the edge was told. */
export async function updateBundles(
  client: pg.ClientBase,
  changed: readonly ChangedPayment[],
  at: Date,
): Promise<readonly Subject[]> {
  if (changed.length === 0) return []
  const { rows: bundles } = await client.query<{ device_id: string; bundle_id: string; statuses: PaymentStatus[] }>(
    `SELECT b.device_id, b.bundle_id, array_agg(p.status) AS statuses
     FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS b (device_id, bundle_id)) b
     CROSS JOIN LATERAL (
       SELECT status FROM offline_transactions WHERE device_id = b.device_id AND bundle_id = b.bundle_id
       UNION ALL
       SELECT 'refused' FROM offline_tx_copies WHERE device_id = b.device_id AND bundle_id = b.bundle_id) p
     GROUP BY b.device_id, b.bundle_id ORDER BY b.device_id, b.bundle_id`,
    [changed.map(({ device_id }) => device_id), changed.map(({ bundle_id }) => bundle_id)],
  )
  const { rows: updated } = await client.query<{ device_id: string; bundle_id: string; seq: number }>(
    `UPDATE offline_tx_bundles b SET status = x.status, rev = b.rev + 1, settled_at = $4
     FROM unnest($1::text[], $2::text[], $3::text[]) AS x (device_id, bundle_id, status)
     WHERE b.device_id = x.device_id AND b.bundle_id = x.bundle_id
     RETURNING b.device_id, b.bundle_id, b.seq`,
    [
      bundles.map(({ device_id }) => device_id),
      bundles.map(({ bundle_id }) => bundle_id),
      bundles.map(({ statuses }) => bundleStatus(statuses)),
      at,
    ],
  )
  if (updated.length !== bundles.length) throw new Error('a payment without its bundle')
  return updated.map(({ device_id, bundle_id, seq }) => ({ deviceId: device_id, bundleId: bundle_id, seq }))
}
