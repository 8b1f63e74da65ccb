import type { Check } from './check.ts'

/** What keeps facts from being changed: its absence breaks nothing yet, and everything from then on. */
const FACTS = [
  'wallet_core.transfers',
  'wallet_core.entries',
  'offline_audit_logs',
  'offline_policies',
  'offline_device_messages',
  'offline_signed_bundles',
  'offline_fee_rules',
  'wallet_core.account_request_rows',
  'offline_allowance_payments',
  'offline_allowance_evidence',
]
const facts = FACTS.map((table) => `('${table}'::regclass)`).join(', ')

export const GUARD_CHECKS: readonly Check[] = [
  {
    name: 'append_only',
    promise: 'rows that are facts can be changed by no statement, and the application may not try',
    sql: `
      SELECT f.fact::text AS table_name, 'its trigger is missing or off' AS fault FROM (VALUES ${facts}) AS f (fact)
      WHERE NOT EXISTS (
        SELECT FROM pg_trigger t
        WHERE t.tgrelid = f.fact AND t.tgfoid = 'wallet_core.refuse_change'::regproc AND t.tgenabled IN ('O', 'A')
          -- BEFORE (2), for each statement (not 1), on DELETE (8), UPDATE (16) and TRUNCATE (32).
          AND t.tgtype & 59 = 58)
      UNION ALL
      SELECT f.fact::text, 'the application may change it' FROM (VALUES ${facts}) AS f (fact)
      CROSS JOIN unnest(ARRAY['molam_record', 'molam_settle', 'molam_read']) AS r (role)
      WHERE has_table_privilege(r.role, f.fact, 'UPDATE, DELETE, TRUNCATE')
         OR has_any_column_privilege(r.role, f.fact, 'UPDATE')
         OR pg_has_role(r.role, (SELECT relowner FROM pg_class WHERE oid = f.fact), 'USAGE')
      UNION ALL
      SELECT 'offline_audit_logs', 'nothing chains its records'
      WHERE NOT EXISTS (
        SELECT FROM pg_trigger t WHERE t.tgrelid = 'offline_audit_logs'::regclass
          AND t.tgfoid = 'offline_audit_chain'::regproc AND t.tgenabled IN ('O', 'A'))`,
  },
]
