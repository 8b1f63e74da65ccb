import type pg from 'pg'

/** A change of state. The detail holds counters, statuses and reasons; nothing personal. */
export type AuditRecord = DeviceRecord | StreamRecord

interface DeviceRecord {
  readonly deviceId: string
  readonly action:
    | 'device_recorded'
    | 'wallet_opened'
    | 'bundle_settled'
    | 'resolution_recorded'
    | 'resolution_applied'
    | 'claim_answered'
    | 'answer_not_signed'
    | 'mandate_given'
    | 'allowance_ordered'
    | 'allowance_changed'
    | 'allowance_misused'
    | 'claims_ended'
    | 'consent_code_asked'
    | 'consent_code_answered'
    | 'inbox_parked'
    | 'inbox_let_go'
  readonly bundleId?: string
  /** Those whose resolution it was; the reconciler itself when left out. */
  readonly actors?: readonly string[]
  readonly detail: object
}

/** In a stream that is no device's. */
interface StreamRecord {
  readonly stream: string
  readonly action: 'inbox_parked' | 'inbox_let_go'
  readonly detail: object
}

/**
 * Writes to each record's stream; the database chains them. Sorted, so that two writers lock streams in one order; so a
 * transaction calls it once.
 */
export async function record(client: pg.ClientBase, records: readonly AuditRecord[], at: Date): Promise<void> {
  const rows = records.map((one) =>
    'stream' in one
      ? { ...one, deviceId: null, bundleId: null, actors: undefined }
      : { bundleId: null, actors: undefined, ...one, stream: `device:${one.deviceId}` },
  )
  await client.query(
    `INSERT INTO offline_audit_logs (stream, at, actor, action, device_id, bundle_id, detail)
     SELECT stream, $7, actor, action, device_id, bundle_id, detail
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[]) WITH ORDINALITY
       AS r (stream, device_id, action, actor, bundle_id, detail, no)
     ORDER BY stream COLLATE "C", no`,
    [
      rows.map(({ stream }) => stream),
      rows.map(({ deviceId }) => deviceId),
      rows.map(({ action }) => action),
      rows.map(({ actors = ['reconciler'] }) => actors.join(' ')),
      rows.map(({ bundleId }) => bundleId),
      rows.map(({ detail }) => JSON.stringify(detail)),
      at,
    ],
  )
}
