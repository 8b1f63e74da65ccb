import { sql } from 'drizzle-orm'
import { blob, index, integer, primaryKey, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Alg } from '../../protocol/cose.ts'
import type { DeviceStatus } from '../../protocol/messages.ts'
import type { WalletFault } from '../../protocol/owner-wallet.ts'
import type { Run } from '../../protocol/payment-states.ts'
import type { Country } from '../../protocol/policy.ts'
import type { BundleStatus } from '../../protocol/states.ts'
import type { ProposalState } from '../policies/proposal.ts'
import type { PackedAdmission, PackedRisk, PackedSettlement } from './packed.ts'

/**
 * D1, the edge's read model. It holds no plaintext of a payment and nothing personal; the Device Objects are the truth
 * and feed it. What lives here alone, policies and enrolment codes, bears a signature or a MAC of the edge. Times are UTC milliseconds, amounts minor
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
    /** What is wrong with the wallet that the device is registered for, as the ledger says; null: nothing is known to be. */
    ownerWalletFault: text('owner_wallet_fault').$type<WalletFault>(),
    /** When all that is shown of the device was last made again from its object; null: never. */
    rebuiltAt: integer('rebuilt_at'),
  },
  (t) => [
    // Lists go in the order of ids, whatever they are narrowed by.
    index('offline_devices_by_country').on(t.country, t.deviceId),
  ],
)

/**
 * Why rows go that triggers keep otherwise (rebuild.ts, retention.ts): a row stands here within the transaction that takes them
 * away, and at no other time.
 */
export const removals = sqliteTable('offline_removals', { why: text('why').primaryKey() })

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
    /** Who scored, by what version, and the rules that spoke. */
    riskReasons: text('risk_reasons', { mode: 'json' }).$type<PackedRisk>().notNull(),
    receivedAt: integer('received_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    /** Runs of payments that were not voided and fare alike. No parties, no amounts. */
    payments: text('payments', { mode: 'json' }).$type<readonly Run[]>().notNull(),
    /** The first half of SHA-256 over the sealed bytes, as in the chain. The bytes themselves are the object's (ingest/originals.ts). */
    digest: blob('digest').$type<Uint8Array>().notNull(),
    /** Of the audit (bundle-audit.ts): written once, and added to. */
    admittedBy: text('admitted_by', { mode: 'json' }).$type<PackedAdmission>().notNull(),
    settlements: text('settlements', { mode: 'json' }).$type<readonly PackedSettlement[]>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.bundleId, t.deviceId] }),
    index('offline_tx_bundles_by_device').on(t.deviceId, t.receivedAt, t.bundleId),
    index('offline_tx_bundles_by_country').on(t.country, t.receivedAt, t.bundleId, t.deviceId),
    index('offline_tx_bundles_by_tenant').on(t.tenant, t.receivedAt, t.bundleId, t.deviceId),
    // Few: a bundle is indexed once it is settled, or after seconds (durable-objects/device/owed/delivery.ts).
    index('offline_tx_bundles_unsettled').on(t.receivedAt).where(sql`status IN ('pushed', 'processing')`),
  ],
)

/** A version is what the edge signed, and nothing else (store/policies.ts). The first versions are code and stand nowhere. */
export const policies = sqliteTable(
  'offline_policies',
  {
    country: text('country').$type<Country>().notNull(),
    version: integer('version').notNull(),
    signed: blob('signed').$type<Uint8Array>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.country, t.version] })],
)

/** Changes of policies that one person proposed. What is agreed to bears a MAC; the state is for lists. */
export const policyProposals = sqliteTable('offline_policy_proposals', {
  /** ULID text. */
  id: text('id').primaryKey(),
  country: text('country').$type<Country>().notNull(),
  afterVersion: integer('after_version').notNull(),
  basedOn: integer('based_on').notNull(),
  /** JSON: fields of a policy that are to be another. */
  changes: text('changes').notNull(),
  /** Null for at once. */
  effectiveAt: integer('effective_at'),
  reason: text('reason').notNull(),
  proposedBy: text('proposed_by').notNull(),
  proposedAt: integer('proposed_at').notNull(),
  /** HMAC-SHA256 over the columns before it, base64url. */
  mac: text('mac').notNull(),
  state: text('state').$type<ProposalState>().notNull(),
  decidedBy: text('decided_by'),
  decidedAt: integer('decided_at'),
})

export const auditLogs = sqliteTable(
  'offline_audit_logs',
  {
    /** `<device_id>/<number>`, given by the Device Object, so that a repeated message writes it once; `~policy/…` and
     * `~enrolment/…` for what is decided here. */
    id: text('id').primaryKey(),
    /** Null for what is about no device. */
    deviceId: text('device_id'),
    /** Null for what concerns every tenant. */
    tenant: text('tenant'),
    at: integer('at').notNull(),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    bundleId: text('bundle_id'),
    requestId: text('request_id'),
    detail: text('detail', { mode: 'json' }).$type<Record<string, string | number>>().notNull(),
  },
  (t) => [
    index('offline_audit_logs_by_device').on(t.deviceId, t.at, t.id),
    index('offline_audit_logs_by_tenant').on(t.tenant, t.at, t.id),
    index('offline_audit_logs_by_time').on(t.at, t.id),
    index('offline_audit_logs_by_bundle').on(t.bundleId, t.at, t.id).where(sql`bundle_id IS NOT NULL`),
    // Nearly all records are of bundles that came and were settled; the others are looked for by who and what.
    index('offline_audit_logs_by_actor').on(t.actor, t.at, t.id).where(sql`actor NOT IN ('device', 'reconciler')`),
    index('offline_audit_logs_by_action')
      .on(t.action, t.at, t.id)
      .where(sql`action NOT IN ('bundle_admitted', 'bundle_settled')`),
  ],
)

/** One-time codes with which a POS registers itself. A device has one at a time: the latest. */
export const enrolmentCodes = sqliteTable(
  'offline_enrolment_codes',
  {
    /** ULID text; the code is derived from it and a secret. */
    id: text('id').primaryKey(),
    deviceId: text('device_id').notNull(),
    /** SHA-256 of the code, hex. */
    codeHash: text('code_hash').notNull(),
    country: text('country').$type<Country>().notNull(),
    tenant: text('tenant').notNull(),
    /** The owner's wallet, encrypted with a key that only the code gives: personal, so never in the clear here. */
    sealedWallet: blob('sealed_wallet').$type<Uint8Array>().notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    createdBy: text('created_by').notNull(),
    /** HMAC-SHA256 over the other columns, base64url. */
    mac: text('mac').notNull(),
  },
  (t) => [index('offline_enrolment_codes_by_device').on(t.deviceId, t.id)],
)

/** Answers to writes of people that name an `Idempotency-Key` and whose writer is D1; a Device Object keeps its own. */
export const idempotencyKeys = sqliteTable(
  'offline_idempotency_keys',
  {
    actor: text('actor').notNull(),
    key: text('key').notNull(),
    /** SHA-256 over method, path and body, hex. */
    fingerprint: text('fingerprint').notNull(),
    /** Null where the key only guards a change that a Device Object makes. */
    answer: text('answer', { mode: 'json' }).$type<unknown>(),
    at: integer('at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.actor, t.key] }), index('offline_idempotency_keys_by_time').on(t.at)],
)
