import type pg from 'pg'

/** A change of state. The detail holds counters, statuses and reasons; nothing personal. */
export interface AuditRecord {
  readonly deviceId: string
  readonly action: 'device_recorded' | 'bundle_settled'
  readonly bundleId?: string
  readonly detail: object
}

/** Writes to each device's stream; the database chains them. Sorted, so that two writers lock streams in one order. */
export async function record(client: pg.ClientBase, records: readonly AuditRecord[], at: Date): Promise<void> {
  await client.query(
    `INSERT INTO offline_audit_logs (stream, at, actor, action, device_id, bundle_id, detail)
     SELECT 'device:' || device_id, $5, 'reconciler', action, device_id, bundle_id, detail
     FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) WITH ORDINALITY
       AS r (device_id, action, bundle_id, detail, no)
     ORDER BY device_id COLLATE "C", no`,
    [
      records.map(({ deviceId }) => deviceId),
      records.map(({ action }) => action),
      records.map(({ bundleId }) => bundleId ?? null),
      records.map(({ detail }) => JSON.stringify(detail)),
      at,
    ],
  )
}
