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
    promise: 'each version of a policy is on record, and says what it said then',
    sql: `
      SELECT p.country, p.version FROM offline_policies p
      WHERE NOT EXISTS (
        SELECT FROM offline_audit_logs l
        WHERE l.stream = 'policy:' || p.country AND l.action = 'policy_recorded' AND l.detail = to_jsonb(p))`,
  },
  {
    name: 'audit_accounts',
    promise: 'each account’s last record says whose it is, what kind it is and whether it is frozen',
    sql: `
      SELECT a.account_id, a.kind, a.frozen, h.tenant
      FROM wallet_core.accounts a
      LEFT JOIN (SELECT account_id, tenant FROM wallet_core.account_holders) h USING (account_id)
      LEFT JOIN (SELECT DISTINCT ON (detail ->> 'account') (detail ->> 'account')::bigint AS account_id, detail
                 FROM offline_audit_logs WHERE stream = 'accounts' AND action IN ('account_opened', 'account_changed')
                 ORDER BY detail ->> 'account', seq DESC) f USING (account_id)
      LEFT JOIN (SELECT DISTINCT ON (detail ->> 'account') (detail ->> 'account')::bigint AS account_id,
                        detail ->> 'tenant' AS tenant
                 FROM offline_audit_logs WHERE stream = 'accounts' AND action = 'account_held'
                 ORDER BY detail ->> 'account', seq DESC) t USING (account_id)
      WHERE (a.kind, a.currency, a.frozen::text, h.tenant)
        IS DISTINCT FROM (f.detail ->> 'kind', f.detail ->> 'currency', f.detail ->> 'frozen', t.tenant)`,
  },
  {
    name: 'audit_funding',
    promise: 'all the money that was brought into the book is on record, currency by currency',
    sql: `
      SELECT coalesce(t.currency, l.currency) AS currency, t.minor, l.minor AS on_record_minor
      FROM (SELECT currency, count(*) AS transfers, sum(amount_minor) AS minor
            FROM wallet_core.transfers WHERE kind = 'funding' GROUP BY currency) t
      FULL JOIN (SELECT detail ->> 'currency' AS currency, sum((detail ->> 'transfers')::bigint) AS transfers,
                        sum((detail ->> 'sum_minor')::bigint) AS minor
                 FROM offline_audit_logs WHERE stream = 'accounts' AND action = 'accounts_funded' GROUP BY 1) l
        USING (currency)
      WHERE (t.transfers, t.minor) IS DISTINCT FROM (l.transfers, l.minor)`,
  },
  {
    name: 'audit_requests',
    promise:
      'each request of an operator is on record, and what was done was asked for by one person and approved by another',
    sql: `
      SELECT r.request_id, r.action, r.ended_as
      FROM wallet_core.account_requests r
      LEFT JOIN LATERAL (
        SELECT max(actor) FILTER (WHERE action = 'account_request_made') AS asked_by,
               max(actor) FILTER (WHERE action = 'account_request_approved') AS approved_by,
               bool_or(action = 'account_request_' || r.ended_as) AS ended
        FROM offline_audit_logs
        WHERE stream = 'accounts' AND action LIKE 'account\\_request\\_%'
          AND detail @> jsonb_build_object('request', r.request_id, 'digest', encode(r.digest, 'hex'))) l ON true
      WHERE r.digest IS NOT NULL
        AND (l.asked_by IS DISTINCT FROM 'operator:' || r.requested_by
             OR r.ended_as IS NOT NULL AND l.ended IS NOT TRUE
             OR r.ended_as = 'done' AND (l.approved_by IS DISTINCT FROM 'operator:' || r.ended_by
                                         OR l.approved_by = l.asked_by))`,
  },
]
