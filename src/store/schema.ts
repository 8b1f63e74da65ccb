import { blob, index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Alg } from '../protocol/cose.ts'
import type { DeviceStatus } from '../protocol/messages.ts'
import type { PaymentMethod } from '../protocol/payment.ts'
import type { Country } from '../protocol/policy.ts'
import type { BundleStatus } from '../protocol/states.ts'

/**
 * D1, the edge's read model. It holds no plaintext of a payment and nothing personal; the Device Objects are the truth
 * and feed it through the index queue, except for policies, which live here. Times are UTC milliseconds, amounts minor
 * units. `npm run db:generate` makes the migration from this file.
 */
export const devices = sqliteTable(
  'offline_devices',
  {
    deviceId: text('device_id').primaryKey(),
    tenant: text('tenant').notNull(),
    country: text('country').$type<Country>().notNull(),
    status: text('status').$type<DeviceStatus>().notNull(),
    alg: integer('alg').$type<Alg>().notNull(),
    /** Hex. */
    kid: text('kid').notNull(),
    /** Grows with every change of the device's facts; an older message changes nothing. */
    rev: integer('rev').notNull(),
    registeredAt: integer('registered_at').notNull(),
    /** When the sweep last woke the object; null until then. */
    sweptAt: integer('swept_at'),
  },
  (t) => [index('offline_devices_by_sweep').on(t.sweptAt), index('offline_devices_by_country').on(t.country, t.status)],
)

export const bundles = sqliteTable(
  'offline_tx_bundles',
  {
    /** ULID text. Unique per device only: another device may choose the same. */
    bundleId: text('bundle_id').notNull(),
    deviceId: text('device_id').notNull(),
    country: text('country').$type<Country>().notNull(),
    tenant: text('tenant').notNull(),
    seq: integer('seq').notNull(),
    status: text('status').$type<BundleStatus>().notNull(),
    /** Grows with every change of the bundle; an older message changes nothing. */
    rev: integer('rev').notNull(),
    currency: text('currency').notNull(),
    firstCounter: integer('first_counter').notNull(),
    lastCounter: integer('last_counter').notNull(),
    /** Payments, and minor units, that were not refused at admission. */
    admittedCount: integer('admitted_count').notNull(),
    admittedAmount: integer('admitted_amount').notNull(),
    policyVersion: integer('policy_version').notNull(),
    riskScore: real('risk_score').notNull(),
    riskReasons: text('risk_reasons', { mode: 'json' }).$type<string[]>().notNull(),
    receivedAt: integer('received_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    /** `[counter, status, reason?]` of each payment that was not voided. No parties, no amounts. */
    payments: text('payments', { mode: 'json' }).$type<[number, string, string?][]>().notNull(),
    /** The signed bundle and the signed receipt, the very bytes. */
    bundle: blob('bundle').$type<Uint8Array>().notNull(),
    receipt: blob('receipt').$type<Uint8Array>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.bundleId, t.deviceId] }),
    index('offline_tx_bundles_by_device').on(t.deviceId, t.seq),
    index('offline_tx_bundles_by_status').on(t.country, t.status, t.receivedAt),
  ],
)

export const policies = sqliteTable(
  'offline_policies',
  {
    country: text('country').$type<Country>().notNull(),
    version: integer('version').notNull(),
    enabled: integer('enabled', { mode: 'boolean' }).notNull(),
    currency: text('currency').notNull(),
    timeZone: text('time_zone').notNull(),
    maxOfflineAmount: integer('max_offline_amount').notNull(),
    maxOfflinePerDevicePerDay: integer('max_offline_per_device_per_day').notNull(),
    maxOfflineValuePerDevicePerDay: integer('max_offline_value_per_device_per_day').notNull(),
    requirePayerProofAbove: integer('require_payer_proof_above').notNull(),
    requireAgentApprovalAbove: integer('require_agent_approval_above').notNull(),
    requireManualReviewAbove: integer('require_manual_review_above').notNull(),
    allowedMethods: text('allowed_methods', { mode: 'json' }).$type<PaymentMethod[]>().notNull(),
    maxBundleAgeHours: integer('max_bundle_age_hours').notNull(),
    maxClockSkewMinutes: integer('max_clock_skew_minutes').notNull(),
    maxRelayHours: integer('max_relay_hours').notNull(),
    acceptBelowScore: real('accept_below_score').notNull(),
    quarantineAboveScore: real('quarantine_above_score').notNull(),
    maxDaysSinceSync: integer('max_days_since_sync').notNull(),
    effectiveAt: integer('effective_at').notNull(),
    createdAt: integer('created_at').notNull(),
    createdBy: text('created_by').notNull(),
  },
  (t) => [primaryKey({ columns: [t.country, t.version] })],
)

export const auditLogs = sqliteTable(
  'offline_audit_logs',
  {
    /** `<device_id>/<number>`: given by the Device Object, so that a repeated message writes it once. */
    id: text('id').primaryKey(),
    deviceId: text('device_id').notNull(),
    at: integer('at').notNull(),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    bundleId: text('bundle_id'),
    requestId: text('request_id'),
    detail: text('detail', { mode: 'json' }).$type<Record<string, string | number>>().notNull(),
  },
  (t) => [index('offline_audit_logs_by_device').on(t.deviceId, t.at), index('offline_audit_logs_by_time').on(t.at)],
)
