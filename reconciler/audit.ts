import type pg from 'pg'

/** A change of state. The detail holds counters, statuses and reasons; nothing personal. */
export interface AuditRecord {
  readonly deviceId: string
  readonly action: 'device_recorded' | 'bundle_settled' | 'decision_recorded' | 'decision_settled'
  readonly bundleId?: string
  /** Those whose decision it was; the reconciler's own when left out. */
  readonly actors?: readonly string[]
  readonly detail: object
}

/** Writes to each device's stream; the database chains them. Sorted, so that two writers lock streams in one order. */
export async function record(client: pg.ClientBase, records: readonly AuditRecord[], at: Date): Promise<void> {
  await client.query(
    `INSERT INTO offline_audit_logs (stream, at, actor, action, device_id, bundle_id, detail)
     SELECT 'device:' || device_id, $6, actor, action, device_id, bundle_id, detail
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[]) WITH ORDINALITY
       AS r (device_id, action, actor, bundle_id, detail, no)
     ORDER BY device_id COLLATE "C", no`,
    [
      records.map(({ deviceId }) => deviceId),
      records.map(({ action }) => action),
      records.map(({ actors = ['reconciler'] }) => actors.join(' ')),
      records.map(({ bundleId }) => bundleId ?? null),
      records.map(({ detail }) => JSON.stringify(detail)),
      at,
    ],
  )
}

/** One record in a stream that is no device's. */
export async function recordIn(
  client: pg.ClientBase,
  { stream, action, detail }: { readonly stream: string; readonly action: 'policy_recorded'; readonly detail: object },
  at: Date,
): Promise<void> {
  await client.query(
    `INSERT INTO offline_audit_logs (stream, at, actor, action, detail) VALUES ($1, $2, 'reconciler', $3, $4)`,
    [stream, at, action, JSON.stringify(detail)],
  )
}
