import type { AuditRow, BundleRow, DeviceRow } from './index-message.ts'
import {
  AUDIT_COLUMNS,
  auditInserts,
  BUNDLE_COLUMNS,
  bundleUpserts,
  DEVICE_COLUMNS,
  deviceUpserts,
  writable,
} from './projections.ts'

/** Rows of one device as they should be, for these places: `(from, to]`. */
export interface RebuiltPart {
  readonly deviceId: string
  /** Null for a device that there is not: it has no rows. */
  readonly device: DeviceRow | null
  readonly bundles: readonly BundleRow[]
  readonly audit: readonly AuditRow[]
  readonly seqs: readonly [from: number, to: number]
  readonly auditIds: readonly [from: number, to: number]
}

const likeness = (table: string, columns: Readonly<Record<string, string>>): string =>
  Object.entries(columns)
    .map(([column, value]) => `${table}.${column} IS ${value}`)
    .join(' AND ')

const same = (table: string, columns: Readonly<Record<string, string>>): string =>
  `EXISTS (SELECT 1 FROM json_each(?1) WHERE ${likeness(table, columns)})`

/** Those of the places, wherever a falsified row says that it belongs, and those that are in the way of one that comes. */
const DELETE_BUNDLES = `
  DELETE FROM offline_tx_bundles WHERE (bundle_id, device_id) IN (
    SELECT bundle_id, device_id FROM offline_tx_bundles WHERE device_id = ?2 AND seq > ?3 AND seq <= ?4
    UNION SELECT value->>'bundleId', ?2 FROM json_each(?1)
  ) AND NOT ${same('offline_tx_bundles', BUNDLE_COLUMNS)}`

/**
 * A record of an object has its device and a number for an id; one of a bundle that stands beside the bundle's row has the
 * seq behind a letter. What begins otherwise is no object's.
 */
const DELETE_AUDIT = `
  DELETE FROM offline_audit_logs WHERE id IN (
    SELECT id FROM offline_audit_logs WHERE device_id = ?2 AND id GLOB ?2 || '/[0-9]*'
      AND CAST(substr(id, length(?2) + 2) AS INTEGER) > ?5 AND CAST(substr(id, length(?2) + 2) AS INTEGER) <= ?6
    UNION SELECT id FROM offline_audit_logs WHERE device_id = ?2 AND id GLOB ?2 || '/b[0-9]*'
      AND CAST(substr(id, length(?2) + 3) AS INTEGER) > ?3 AND CAST(substr(id, length(?2) + 3) AS INTEGER) <= ?4
    UNION SELECT value->>'id' FROM json_each(?1)
  ) AND NOT ${same('offline_audit_logs', AUDIT_COLUMNS)}`

const DELETE_DEVICE = `DELETE FROM offline_devices WHERE device_id = ?2 AND NOT ${same('offline_devices', DEVICE_COLUMNS)}`

export interface Changed {
  /** Rows that were not as the object has them. */
  readonly removed: number
  /** Rows that were missing, or not as the object has them. */
  readonly written: number
}

/** Makes the rows of these places what they should be, in one transaction. Rows that are right are not touched. */
export async function rebuildPart(db: D1Database, part: RebuiltPart): Promise<Changed> {
  const { deviceId, device, bundles, audit, seqs, auditIds } = part
  const devices = device === null ? [] : [device]
  const json = (rows: readonly object[]) => JSON.stringify(rows)
  const removals = [
    db.prepare(DELETE_BUNDLES).bind(json(bundles.map(writable)), deviceId, ...seqs),
    db.prepare(DELETE_AUDIT).bind(json(audit), deviceId, ...seqs, ...auditIds),
    db.prepare(DELETE_DEVICE).bind(json(devices), deviceId),
  ]
  const inserts = [...deviceUpserts(db, devices), ...bundleUpserts(db, bundles), ...auditInserts(db, audit)]
  const results = await db.batch([
    db.prepare('INSERT INTO offline_removals (why) VALUES (?)').bind(deviceId),
    ...removals,
    ...inserts,
    db.prepare('DELETE FROM offline_removals'),
  ])
  const changes = (from: number, count: number) =>
    results.slice(from, from + count).reduce((sum, { meta }) => sum + meta.changes, 0)
  return { removed: changes(1, removals.length), written: changes(1 + removals.length, inserts.length) }
}

/** What D1 should show. */
export interface Shown {
  readonly bundles: readonly BundleRow[]
  readonly devices: readonly DeviceRow[]
  readonly audit: readonly AuditRow[]
}

/** @returns those of which D1 has the row otherwise, or not at all */
export async function shownOtherwise(db: D1Database, { bundles, devices, audit }: Shown): Promise<Shown> {
  const absent = (table: string, columns: Readonly<Record<string, string>>, rows: readonly object[]) =>
    db
      .prepare(`SELECT key AS place FROM json_each(?)
        WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE ${likeness(table, columns)})`)
      .bind(JSON.stringify(rows))
  const [ofBundles, ofDevices, ofAudit] = await db.batch<{ place: number }>([
    absent('offline_tx_bundles', BUNDLE_COLUMNS, bundles.map(writable)),
    absent('offline_devices', DEVICE_COLUMNS, devices),
    absent('offline_audit_logs', AUDIT_COLUMNS, audit),
  ])
  const named = <T>(rows: readonly T[], found: D1Result<{ place: number }> | undefined) =>
    (found?.results ?? []).flatMap(({ place }) => rows[place] ?? [])
  return { bundles: named(bundles, ofBundles), devices: named(devices, ofDevices), audit: named(audit, ofAudit) }
}

export async function markDeviceRebuilt(db: D1Database, deviceId: string, nowMs: number): Promise<void> {
  await db.prepare('UPDATE offline_devices SET rebuilt_at = ? WHERE device_id = ?').bind(nowMs, deviceId).run()
}
