import type pg from 'pg'

/** What has not ended yet. Nothing of it is wrong; all of it is visible. */
export interface Waiting {
  readonly what: string
  readonly count: number
}

export async function readWaiting(client: pg.ClientBase): Promise<readonly Waiting[]> {
  const { rows } = await client.query<Waiting>(
    `SELECT 'messages in the inbox' AS what, count(*) AS count FROM offline_sync_queue WHERE status = 'pending'
     UNION ALL SELECT 'messages parked for a person', count(*) FROM offline_sync_queue WHERE status = 'parked'
     UNION ALL SELECT 'resolutions of people that wait for ' || coalesce(waiting_for, 'nothing'), count(*)
       FROM offline_open_resolutions GROUP BY waiting_for
     UNION ALL SELECT 'payments in ' || s.status, count(p.counter)
       FROM unnest(ARRAY['review', 'quarantined', 'claimed']) AS s (status) LEFT JOIN offline_transactions p USING (status)
       GROUP BY s.status
     UNION ALL SELECT 'of them without their money held on the payer’s account', count(*)
       FROM offline_waiting_payments WHERE NOT is_held
     UNION ALL SELECT 'bundles, resolutions or devices the edge has not been told the newest of', count(*)
       FROM offline_outbox WHERE delivered_version < version
     UNION ALL SELECT 'copies whose first payment has not arrived', count(*)
       FROM offline_tx_copies c
       WHERE NOT EXISTS (SELECT FROM offline_transactions p WHERE p.device_id = c.device_id AND p.counter = c.counter)
     UNION ALL SELECT 'devices whose wallet the ledger does not know', count(*)
       FROM offline_devices WHERE wallet_state = 'unknown'
     UNION ALL SELECT 'devices whose wallet is another tenant’s', count(*)
       FROM offline_devices WHERE wallet_state = 'foreign'
     UNION ALL SELECT 'bundles missing between those of their device', coalesce(sum(missing), 0)::bigint
       FROM (SELECT max(seq) - count(DISTINCT seq) AS missing FROM offline_tx_bundles GROUP BY device_id) m`,
  )
  return rows.filter(({ count }) => count > 0)
}
