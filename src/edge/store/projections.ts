import { toHex } from '../../protocol/bytes.ts'
import type { AuditRow, BundleRow, DeviceRow } from './index-message.ts'

/**
 * Statements that write many rows each: D1 takes 100 parameters a statement, so the rows travel as one JSON text and
 * `json_each` makes them rows again. Blobs go as hex. Columns stand beside what their value is made of.
 */
export const DEVICE_COLUMNS = {
  device_id: "value->>'deviceId'",
  tenant: "value->>'tenant'",
  country: "value->>'country'",
  status: "value->>'status'",
  alg: "value->>'alg'",
  kid: "value->>'kid'",
  rev: "value->>'rev'",
  registered_at: "value->>'registeredAt'",
  owner_wallet_fault: "value->>'ownerWalletFault'",
}

const UPSERT_DEVICES = `
  INSERT INTO offline_devices (${Object.keys(DEVICE_COLUMNS).join()})
  SELECT ${Object.values(DEVICE_COLUMNS).join()} FROM json_each(?) WHERE true
  ON CONFLICT (device_id) DO UPDATE SET status = excluded.status, alg = excluded.alg, kid = excluded.kid,
    tenant = excluded.tenant, country = excluded.country, rev = excluded.rev,
    owner_wallet_fault = excluded.owner_wallet_fault
  WHERE excluded.rev > offline_devices.rev`

export const BUNDLE_COLUMNS = {
  bundle_id: "value->>'bundleId'",
  device_id: "value->>'deviceId'",
  country: "value->>'country'",
  tenant: "value->>'tenant'",
  seq: "value->>'seq'",
  status: "value->>'status'",
  rev: "value->>'rev'",
  currency: "value->>'currency'",
  first_counter: "value->>'firstCounter'",
  last_counter: "value->>'lastCounter'",
  admitted_count: "value->>'admittedCount'",
  admitted_amount: "value->>'admittedAmount'",
  policy_version: "value->>'policyVersion'",
  risk_score: "value->>'riskScore'",
  risk_reasons: "value->'riskReasons'",
  received_at: "value->>'receivedAt'",
  updated_at: "value->>'updatedAt'",
  payments: "value->'payments'",
  digest: "unhex(value->>'digest')",
  admitted_by: "value->'admittedBy'",
  settlements: "value->'settlements'",
}

const UPSERT_BUNDLES = `
  INSERT INTO offline_tx_bundles (${Object.keys(BUNDLE_COLUMNS).join()})
  SELECT ${Object.values(BUNDLE_COLUMNS).join()} FROM json_each(?) WHERE true
  ON CONFLICT (bundle_id, device_id) DO UPDATE SET status = excluded.status, rev = excluded.rev,
    updated_at = excluded.updated_at, payments = excluded.payments, settlements = excluded.settlements
  WHERE excluded.rev > offline_tx_bundles.rev`

export const AUDIT_COLUMNS = {
  id: "value->>'id'",
  device_id: "value->>'deviceId'",
  tenant: "value->>'tenant'",
  at: "value->>'at'",
  actor: "value->>'actor'",
  action: "value->>'action'",
  bundle_id: "value->>'bundleId'",
  request_id: "value->>'requestId'",
  detail: "value->'detail'",
}

const INSERT_AUDIT = `
  INSERT INTO offline_audit_logs (${Object.keys(AUDIT_COLUMNS).join()})
  SELECT ${Object.values(AUDIT_COLUMNS).join()} FROM json_each(?) WHERE true
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
  statements(db, UPSERT_BUNDLES, rows.toSorted((a, b) => a.rev - b.rev).map(writable))

/** As JSON can say it. */
export const writable = (row: BundleRow) => ({ ...row, digest: toHex(row.digest) })

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
