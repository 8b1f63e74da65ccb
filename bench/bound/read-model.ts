import { ulidText } from '../../src/protocol/ids.ts'
import type { Settled } from './confirmations.ts'

/** What the bound writes to D1 for a settled bundle. Columns that only payments could fill hold what they would look like. */
export interface ShownBundle {
  readonly settled: Settled
  readonly receivedAtMs: number
}

const COLUMNS = {
  bundle_id: 'bundleId',
  device_id: 'deviceId',
  country: 'country',
  tenant: 'tenant',
  seq: 'seq',
  status: 'status',
  rev: 'rev',
  currency: 'currency',
  first_counter: 'firstCounter',
  last_counter: 'lastCounter',
  admitted_count: 'admittedCount',
  admitted_amount: 'admittedAmount',
  policy_version: 'policyVersion',
  risk_score: 'riskScore',
  risk_reasons: 'riskReasons',
  received_at: 'receivedAt',
  updated_at: 'updatedAt',
  payments: 'payments',
}

/** Many rows travel as one JSON text: D1 takes 100 parameters a statement. */
export const UPSERT_BUNDLES = `
  INSERT INTO offline_tx_bundles (${Object.keys(COLUMNS).join()})
  SELECT ${Object.values(COLUMNS)
    .map((name) => `value->>'${name}'`)
    .join()}
  FROM json_each(?) WHERE true
  ON CONFLICT (bundle_id, device_id) DO UPDATE SET status = excluded.status, rev = excluded.rev,
    updated_at = excluded.updated_at, payments = excluded.payments
  WHERE excluded.rev > offline_tx_bundles.rev`

export const INSERT_AUDIT = `
  INSERT INTO offline_audit_logs (id, device_id, tenant, at, actor, action, bundle_id, detail)
  SELECT value->>'id', value->>'deviceId', value->>'tenant', value->>'at', value->>'actor', value->>'action',
    value->>'bundleId', value->>'detail'
  FROM json_each(?) WHERE true
  ON CONFLICT (id) DO NOTHING`

const SHARED = { country: 'SN', tenant: 'molam', status: 'accepted', rev: 2, currency: 'XOF', policyVersion: 2 }

export function bundleRow({ settled, receivedAtMs }: ShownBundle, nowMs: number) {
  const { deviceId, bundleId, seq } = settled
  return {
    ...SHARED,
    ...{ bundleId: ulidText(bundleId), deviceId, seq, receivedAt: receivedAtMs, updatedAt: nowMs },
    ...{ firstCounter: 50 * seq - 49, lastCounter: 50 * seq, admittedCount: 50, admittedAmount: 250_000 },
    ...{ riskScore: 0.05, riskReasons: '{"local":0.05,"rules":[]}', payments: '[[1,50,"succeeded"]]' },
  }
}

export function auditRow({ settled }: ShownBundle, nowMs: number) {
  const { deviceId, bundleId, seq } = settled
  return {
    ...{ id: `${deviceId}/${seq}`, deviceId, tenant: SHARED.tenant, at: nowMs, actor: 'reconciler' },
    ...{ action: 'bundle_settled', bundleId: ulidText(bundleId), detail: `{"seq":${seq},"payments":50}` },
  }
}
