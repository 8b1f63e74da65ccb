import type { Check } from './check.ts'

/** The audit log: whole, and nothing that must be on record missing from it, also at the end of a stream. */
export const AUDIT_CHECKS: readonly Check[] = [
  {
    name: 'audit_chain',
    promise: 'each audit record is as it was written, in its place',
    sql: `SELECT stream, seq, at FROM offline_audit_breaks`,
  },
  {
    name: 'audit_complete',
    promise: 'each bundle’s settlement and each device is on record, with the bundle’s digest and number of payments',
    sql: `
      SELECT b.device_id, b.bundle_id
      FROM offline_tx_bundles b
      LEFT JOIN (SELECT device_id, bundle_id, count(*) AS records, min(detail ->> 'digest') AS digest,
                        sum(jsonb_array_length(detail -> 'payments')) AS payments
                 FROM offline_audit_logs WHERE action = 'bundle_settled' GROUP BY device_id, bundle_id) l
        USING (device_id, bundle_id)
      LEFT JOIN (SELECT device_id, bundle_id, count(*) AS payments
                 FROM (SELECT device_id, bundle_id FROM offline_transactions
                       UNION ALL SELECT device_id, bundle_id FROM offline_tx_copies) x
                 GROUP BY device_id, bundle_id) p USING (device_id, bundle_id)
      WHERE (1, encode(b.digest, 'hex'), coalesce(p.payments, 0)) IS DISTINCT FROM (l.records, l.digest, l.payments)
      UNION ALL
      SELECT d.device_id, NULL FROM offline_devices d
      WHERE NOT EXISTS (SELECT FROM offline_audit_logs l
                        WHERE l.stream = 'device:' || d.device_id AND l.action = 'device_recorded')`,
  },
  {
    name: 'audit_devices',
    promise: 'the last record of each device’s facts says what the registry says',
    sql: `
      SELECT d.device_id, d.rev, l.detail ->> 'rev' AS on_record
      FROM offline_devices d
      LEFT JOIN LATERAL (SELECT detail FROM offline_audit_logs l
                         WHERE l.stream = 'device:' || d.device_id AND l.action = 'device_recorded'
                         ORDER BY (l.detail ->> 'rev')::bigint DESC LIMIT 1) l ON true
      WHERE (d.rev::text, d.status, encode(d.kid, 'hex')) IS DISTINCT FROM
            (l.detail ->> 'rev', l.detail ->> 'status', l.detail ->> 'kid')`,
  },
  {
    name: 'audit_resolutions',
    promise: 'each resolution of people is on record with who took it, and what came of it for each of its payments',
    sql: `
      SELECT d.device_id, d.rev, d.counter, d.result
      FROM offline_resolutions d
      WHERE NOT EXISTS (
          SELECT FROM offline_audit_logs l
          WHERE l.stream = 'device:' || d.device_id AND l.action = 'resolution_recorded'
            AND l.detail @> jsonb_build_object('rev', d.rev)
            AND l.detail -> 'choices' @> jsonb_build_array(jsonb_build_array(d.counter, d.choice)))
        OR d.result IS NOT NULL AND NOT EXISTS (
          SELECT FROM offline_audit_logs l
          WHERE l.stream = 'device:' || d.device_id AND l.action = 'resolution_applied'
            AND l.detail @> jsonb_build_object('rev', d.rev)
            AND l.detail -> 'payments' @> jsonb_build_array(jsonb_build_array(d.counter, d.result)))`,
  },
  {
    name: 'audit_policies',
    promise: 'each version of a policy that came from the edge is on record',
    sql: `
      SELECT p.country, p.version FROM offline_policies p
      WHERE p.version > 1 AND NOT EXISTS (
        SELECT FROM offline_audit_logs l WHERE l.stream = 'policy:' || p.country AND l.action = 'policy_recorded'
          AND l.detail @> jsonb_build_object('version', p.version))`,
  },
]
