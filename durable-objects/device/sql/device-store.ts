import type { Activity } from '../../../src/protocol/activity.ts'
import { equalBytes, fromHex, toHex } from '../../../src/protocol/bytes.ts'
import type { Alg } from '../../../src/protocol/cose.ts'
import type { DeviceId } from '../../../src/protocol/ids.ts'
import type { DeviceStatus } from '../../../src/protocol/messages.ts'
import type { Country, Policy } from '../../../src/protocol/policy.ts'
import type { BundleStatus } from '../../../src/protocol/states.ts'
import type { Reputation } from '../../../src/risk/reputation.ts'
import type { DeviceChange, View } from '../admit/admission.ts'
import type { AdmitRequest, Device, DeviceRegistration, OlderKey, Owing, StoredBundle } from '../types.ts'
import { missingBefore } from './hole-store.ts'

/**
 * The object's SQL by intent. Raw `sql.exec`: on the push path it costs a fourth of a query builder. Nothing here awaits,
 * so whatever is written together commits together.
 */
type Row = Record<string, SqlStorageValue>

export function readDevice(sql: SqlStorage): Device {
  const row = sql.exec('SELECT * FROM device').one()
  return {
    ...toOwing(row),
    publicKey: blob(row, 'public_key'),
    alg: row['alg'] as Alg,
    kid: blob(row, 'kid'),
    status: row['status'] as DeviceStatus,
    ownerWallet: row['owner_wallet'] as string,
    registeredAtMs: row['registered_at'] as number,
    keyRev: row['key_rev'] as number,
    olderKeys: json<StoredKey[]>(row, 'older_keys').map(fromStoredKey),
    lastCode: row['last_code'] as string,
    rowVersion: row['row_version'] as number,
    head: row['head'] as number,
    bundleCount: row['bundle_count'] as number,
    counters: json(row, 'counters'),
    activity: new Map(json<[string, { count: number; value: number }][]>(row, 'activity')),
    history: json(row, 'history'),
    reputation: json(row, 'reputation'),
    policy: json(row, 'policy'),
  }
}

const OWING = `
  SELECT device_id, country, tenant, rev, facts_at, recorded_rev, indexed_rev, done_through, audit_done_through FROM device`

/** What most changes need of the device; the row's JSON costs more to read than all else that they do. */
export const readOwing = (sql: SqlStorage): Owing => toOwing(sql.exec(OWING).one())

export function readReputation(sql: SqlStorage): Reputation {
  return json(sql.exec('SELECT reputation FROM device').one(), 'reputation')
}

function toOwing(row: Row): Owing {
  return {
    deviceId: row['device_id'] as DeviceId,
    country: row['country'] as Country,
    tenant: row['tenant'] as string,
    rev: row['rev'] as number,
    factsAtMs: row['facts_at'] as number,
    recordedRev: row['recorded_rev'] as number,
    indexedRev: row['indexed_rev'] as number,
    doneThrough: row['done_through'] as number,
    auditDoneThrough: row['audit_done_through'] as number,
  }
}

export function insertDevice(sql: SqlStorage, facts: DeviceRegistration, nowMs: number): void {
  sql.exec(
    `INSERT INTO device (only, device_id, public_key, alg, kid, status, country, tenant, owner_wallet, registered_at,
      facts_at, rev, recorded_rev, indexed_rev, row_version, head, bundle_count, counters, activity, policy, done_through,
      audit_done_through)
      VALUES (1, ?, ?, ?, ?, 'active', ?, ?, ?, ?8, ?8, 1, 0, 0, 1, 0, 0, '[]', '[]', ?, 0, 0)`,
    facts.deviceId,
    buffer(facts.publicKey),
    facts.alg,
    buffer(facts.kid),
    facts.country,
    facts.tenant,
    facts.ownerWallet,
    nowMs,
    JSON.stringify(facts.policy),
  )
}

/** Version of the device's row: whoever decided on another one decides again. */
export function readRowVersion(sql: SqlStorage): number {
  return sql.exec<{ row_version: number }>('SELECT row_version FROM device').one().row_version
}

/** @param seq of the bundle that brought the change: a late one, filling a hole, is owed again from there on */
export function writeDeviceChange(sql: SqlStorage, change: DeviceChange, seq: number): void {
  sql.exec(
    `UPDATE device SET row_version = row_version + 1, bundle_count = bundle_count + 1, head = ?, counters = ?, activity = ?, history = ?,
      policy = ?, older_keys = ?, done_through = MIN(done_through, ?)`,
    change.head,
    JSON.stringify(change.counters),
    JSON.stringify([...(change.activity as Activity)]),
    JSON.stringify(change.history),
    JSON.stringify(change.policy satisfies Policy),
    JSON.stringify(change.olderKeys.map(toStoredKey)),
    seq - 1,
  )
}

/** What came of the device's payments changed what is thought of it. */
export function writeReputation(sql: SqlStorage, reputation: Reputation): void {
  sql.exec('UPDATE device SET row_version = row_version + 1, reputation = ?', JSON.stringify(reputation))
}

/** A change of the facts that others copy: it is owed to them from now on. */
export function writeStatus(sql: SqlStorage, status: DeviceStatus, nowMs: number): void {
  sql.exec('UPDATE device SET row_version = row_version + 1, rev = rev + 1, facts_at = ?, status = ?', nowMs, status)
}

/** The device has another key from now on; the one before is among the older ones. */
export function writeKeys(
  sql: SqlStorage,
  keys: Pick<Device, 'kid' | 'alg' | 'publicKey' | 'keyRev' | 'olderKeys'>,
  nowMs: number,
): void {
  sql.exec(
    `UPDATE device SET row_version = row_version + 1, rev = ?, key_rev = ?, facts_at = ?, kid = ?, alg = ?, public_key = ?,
      older_keys = ?`,
    ...[keys.keyRev, keys.keyRev, nowMs, buffer(keys.kid), keys.alg, buffer(keys.publicKey)],
    JSON.stringify(keys.olderKeys.map(toStoredKey)),
  )
}

export function writeLastCode(sql: SqlStorage, codeId: string): void {
  sql.exec('UPDATE device SET last_code = ?', codeId)
}

type StoredKey = Omit<OlderKey, 'kid' | 'publicKey'> & { readonly kid: string; readonly publicKey: string }
const toStoredKey = (key: OlderKey): StoredKey => ({ ...key, kid: toHex(key.kid), publicKey: toHex(key.publicKey) })
const fromStoredKey = (key: StoredKey): OlderKey => ({
  ...key,
  kid: fromHex(key.kid),
  publicKey: fromHex(key.publicKey),
})

/** Whether every bundle up to this seq was admitted. */
export function isComplete(sql: SqlStorage, seq: number): boolean {
  return sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM bundles WHERE seq <= ?', seq).one().n === seq
}

export function readBundle(sql: SqlStorage, bundleId: Uint8Array): StoredBundle | undefined {
  return first(sql.exec('SELECT * FROM bundles WHERE bundle_id = ?', buffer(bundleId)))
}

/** The bundle that holds a payment: of several copies the one that counts. */
export function findByCounter(sql: SqlStorage, counter: number): StoredBundle | undefined {
  const query = 'SELECT * FROM bundles WHERE first_counter <= ?1 AND last_counter >= ?1 ORDER BY seq'
  const holding = sql
    .exec(query, counter)
    .toArray()
    .map(toBundle)
    .filter(({ payments }) => payments.some(([number]) => number === counter))
  const counts = ({ payments }: StoredBundle) => payments.some(([n, status]) => n === counter && status !== 'refused')
  return holding.find(counts) ?? holding[0]
}

/** Bundles that have anything to do with another one: by place, by id, by nonce. Of an honest device one: the one before. */
const RELATED = `
  SELECT seq, bundle_id, nonce, digest, prev, receipt, time_floor FROM bundles
  WHERE seq BETWEEN ?1 - 1 AND ?1 + 1 OR bundle_id = ?2 OR nonce = ?3`

/** Everything that an admission is decided on, in one consistent read. */
export function readView(sql: SqlStorage, { claims }: AdmitRequest): View {
  const device = readDevice(sql)
  const { seq, bundleId, nonce } = claims
  const related = sql.exec(RELATED, seq, buffer(bundleId), buffer(nonce)).toArray().map(toRelated)
  const at = (place: number) => related.find((bundle) => bundle.seq === place)
  const before = at(seq - 1)
  return {
    device,
    sameId: related.find((bundle) => equalBytes(bundle.bundleId, bundleId)),
    sameNonce: related.find((bundle) => equalBytes(bundle.nonce, nonce)),
    neighbours: { head: device.head, before, same: at(seq), after: at(seq + 1) },
    missingBefore: missingBefore(sql, device, seq),
    timeFloorMs: before === undefined ? readTimeFloor(sql, seq) : before.timeFloorMs,
  }
}

function toRelated(row: Row) {
  return {
    seq: row['seq'] as number,
    bundleId: blob(row, 'bundle_id'),
    nonce: blob(row, 'nonce'),
    digest: blob(row, 'digest'),
    prev: blob(row, 'prev'),
    receipt: blob(row, 'receipt'),
    timeFloorMs: row['time_floor'] as number,
  }
}

function readTimeFloor(sql: SqlStorage, seq: number): number | undefined {
  const query = 'SELECT time_floor AS floor FROM bundles WHERE seq < ? ORDER BY seq DESC LIMIT 1'
  return sql.exec<{ floor: number }>(query, seq).toArray()[0]?.floor
}

export function insertBundle(sql: SqlStorage, b: StoredBundle): void {
  sql.exec(
    `INSERT INTO bundles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[b.seq, buffer(b.bundleId), buffer(b.nonce), buffer(b.digest), buffer(b.prev), buffer(b.bundle)],
    ...[buffer(b.receipt), b.receivedAtMs, b.timeFloorMs, b.currency, b.firstCounter, b.lastCounter],
    ...[b.admittedCount, b.admittedAmount, b.policyVersion, b.riskScore, JSON.stringify(b.riskReasons)],
    ...[JSON.stringify(b.payments), b.status, b.recorded ? 1 : 0, b.settledRev, b.rev, b.indexedRev, b.updatedAtMs],
    JSON.stringify(b.votes),
  )
}

/** Writes what a confirmation, or people, changed. */
export function updateBundle(sql: SqlStorage, b: StoredBundle): void {
  sql.exec(
    `UPDATE bundles SET payments = ?, status = ?, recorded = ?, settled_rev = ?, rev = ?, updated_at = ?, votes = ?
      WHERE seq = ?`,
    ...[JSON.stringify(b.payments), b.status, b.recorded ? 1 : 0, b.settledRev, b.rev, b.updatedAtMs],
    ...[JSON.stringify(b.votes), b.seq],
  )
  sql.exec('UPDATE device SET done_through = ?1 WHERE done_through > ?1', b.seq - 1)
}

export function first(cursor: SqlStorageCursor<Row>): StoredBundle | undefined {
  const row = cursor.toArray()[0]
  return row && toBundle(row)
}

export function toBundle(row: Row): StoredBundle {
  return {
    seq: row['seq'] as number,
    bundleId: blob(row, 'bundle_id'),
    nonce: blob(row, 'nonce'),
    digest: blob(row, 'digest'),
    prev: blob(row, 'prev'),
    bundle: blob(row, 'bundle'),
    receipt: blob(row, 'receipt'),
    receivedAtMs: row['received_at'] as number,
    timeFloorMs: row['time_floor'] as number,
    currency: row['currency'] as string,
    firstCounter: row['first_counter'] as number,
    lastCounter: row['last_counter'] as number,
    admittedCount: row['admitted_count'] as number,
    admittedAmount: row['admitted_amount'] as number,
    policyVersion: row['policy_version'] as number,
    riskScore: row['risk_score'] as number,
    riskReasons: json(row, 'risk_reasons'),
    payments: json(row, 'payments'),
    status: row['status'] as BundleStatus,
    recorded: row['recorded'] === 1,
    settledRev: row['settled_rev'] as number,
    rev: row['rev'] as number,
    indexedRev: row['indexed_rev'] as number,
    updatedAtMs: row['updated_at'] as number,
    votes: json(row, 'votes'),
  }
}

export const blob = (row: Row, name: string) => new Uint8Array(row[name] as ArrayBuffer)
const json = <T>(row: Row, name: string) => JSON.parse(row[name] as string) as T

/**
 * SQLite takes ArrayBuffers; a view into a larger one must not drag the rest along. Copied by the constructor, because
 * what comes from the CBOR encoder may be a Buffer, whose `slice` copies nothing.
 */
export const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

/** The reconciler's registry holds the facts up to `rev`. */
export function writeRecordedRev(sql: SqlStorage, rev: number): void {
  sql.exec('UPDATE device SET recorded_rev = MAX(recorded_rev, MIN(?, rev))', rev)
}
