import { type PaymentState, type Run, runsOf, statesOf } from '../../../src/protocol/payment-states.ts'
import type { StoredBundle } from '../bundle.ts'
import { blob, type Columns, flag, json, jsonAs, plain } from './columns.ts'

const NO_BYTES = new ArrayBuffer(0)

/** A bundle's row, field by field. */
export const bundleColumns: Columns<StoredBundle> = {
  seq: plain('seq'),
  bundleId: blob('bundle_id'),
  nonce: blob('nonce'),
  digest: blob('digest'),
  prev: blob('prev'),
  bundle: { ...blob('bundle'), decode: (stored) => new Uint8Array((stored ?? NO_BYTES) as ArrayBuffer) },
  receipt: blob('receipt'),
  receivedAtMs: plain('received_at'),
  timeFloorMs: plain('time_floor'),
  currency: plain('currency'),
  firstCounter: plain('first_counter'),
  lastCounter: plain('last_counter'),
  admittedCount: plain('admitted_count'),
  admittedAmount: plain('admitted_amount'),
  policyVersion: plain('policy_version'),
  riskScore: plain('risk_score'),
  riskReasons: json('risk_reasons'),
  payments: jsonAs<readonly PaymentState[], readonly Run[]>('payments', runsOf, statesOf),
  status: plain('status'),
  recorded: flag('recorded'),
  settledRev: plain('settled_rev'),
  rev: plain('rev'),
  indexedRev: plain('indexed_rev'),
  updatedAtMs: plain('updated_at'),
  votes: json('votes'),
  admittedBy: json('admitted_by'),
  settlements: json('settlements'),
}
