import { toHex } from '../../protocol/bytes.ts'
import type { AuditRow, BundleRow, DeviceRow } from './index-message.ts'

/**
 * Statements that write many rows each: D1 takes 100 parameters a statement, so the rows travel as one JSON text and
 * `json_each` makes them rows again. Blobs go as hex.
 */
const UPSERT_DEVICES = `
  INSERT INTO offline_devices (device_id, tenant, country, status, alg, kid, rev, registered_at,
    owner_wallet_fault)
  SELECT value->>'deviceId', value->>'tenant', value->>'country', value->>'status', value->>'alg', value->>'kid',
    value->>'rev', value->>'registeredAt', value->>'ownerWalletFault'
  FROM json_each(?) WHERE true
  ON CONFLICT (device_id) DO UPDATE SET status = excluded.status, alg = excluded.alg, kid = excluded.kid,
    tenant = excluded.tenant, country = excluded.country, rev = excluded.rev,
    owner_wallet_fault = excluded.owner_wallet_fault
  WHERE excluded.rev > offline_devices.rev`

const UPSERT_BUNDLES = `
  INSERT INTO offline_tx_bundles (bundle_id, device_id, country, tenant, seq, status, rev, currency, first_counter,
    last_counter, admitted_count, admitted_amount, policy_version, risk_score, risk_reasons, received_at, updated_at,
    payments, digest, admitted_by, settlements)
  SELECT value->>'bundleId', value->>'deviceId', value->>'country', value->>'tenant', value->>'seq', value->>'status',
    value->>'rev', value->>'currency', value->>'firstCounter', value->>'lastCounter', value->>'admittedCount',
    value->>'admittedAmount', value->>'policyVersion', value->>'riskScore', value->'riskReasons', value->>'receivedAt',
    value->>'updatedAt', value->'payments', unhex(value->>'digest'), value->'admittedBy', value->'settlements'
  FROM json_each(?) WHERE true
  ON CONFLICT (bundle_id, device_id) DO UPDATE SET status = excluded.status, rev = excluded.rev,
    updated_at = excluded.updated_at, payments = excluded.payments, settlements = excluded.settlements
  WHERE excluded.rev > offline_tx_bundles.rev`

const INSERT_AUDIT = `
  INSERT INTO offline_audit_logs (id, device_id, tenant, at, actor, action, bundle_id, request_id, detail)
  SELECT value->>'id', value->>'deviceId', value->>'tenant', value->>'at', value->>'actor', value->>'action', value->>'bundleId',
    value->>'requestId', value->'detail'
  FROM json_each(?) WHERE true
  ON CONFLICT (id) DO NOTHING`

/** Characters of one JSON parameter; D1 takes 2 MB. */
const PARAMETER_CHARS_MAX = 1_000_000

export const deviceUpserts = (db: D1Database, rows: readonly DeviceRow[]) =>
  // Within one statement the last row of a device wins, so they go in the order of their revs.
  statements(
    db,
    UPSERT_DEVICES,
    rows.toSorted((a, b) => a.rev - b.rev),
  )

export const bundleUpserts = (db: D1Database, rows: readonly BundleRow[]) =>
  statements(
    db,
    UPSERT_BUNDLES,
    rows.toSorted((a, b) => a.rev - b.rev).map((row) => ({ ...row, digest: toHex(row.digest) })),
  )

export const auditInserts = (db: D1Database, rows: readonly AuditRow[]) => statements(db, INSERT_AUDIT, rows)

function statements(db: D1Database, sql: string, rows: readonly object[]): D1PreparedStatement[] {
  const chunks: string[][] = []
  let chars = Number.POSITIVE_INFINITY
  for (const row of rows.map((value) => JSON.stringify(value))) {
    if (chars + row.length > PARAMETER_CHARS_MAX) {
      chunks.push([])
      chars = 0
    }
    chunks.at(-1)?.push(row)
    chars += row.length
  }
  return chunks.map((chunk) => db.prepare(sql).bind(`[${chunk.join(',')}]`))
}
