import type { DeviceRow } from '../../src/edge/store/index-message.ts'
import type { DeviceStatus } from '../../src/protocol/messages.ts'
import { type ConsentRequest, REQUEST_MS, requestStands } from '../device/consent.ts'
import type { Listing } from './listing.ts'
import { whereOf } from './terms.ts'

/** SQL of the devices. */
export interface DeviceFilter {
  readonly tenant?: string | undefined
  readonly status?: DeviceStatus | undefined
  /** The last id of the page before. */
  readonly after?: string | undefined
}

/** A device as its object told of it, and when it did last. */
export interface KnownDevice {
  readonly device: DeviceRow
  readonly listedAtMs: number
}

/** To be called before an object is asked to be a device. */
export function expectDevice(sql: SqlStorage, deviceId: string): void {
  sql.exec('INSERT INTO devices (device_id) VALUES (?) ON CONFLICT DO NOTHING', deviceId)
}

/** How far the device's object has told. */
export const listedRev = (sql: SqlStorage, deviceId: string): number =>
  sql.exec<{ rev: number }>('SELECT listed_rev AS rev FROM devices WHERE device_id = ?', deviceId).toArray()[0]?.rev ??
  0

const UPDATE = `
  UPDATE devices SET listed_rev = ?, listed_at = ?, tenant = ?, status = ?, device = ?, consent_request = ?, asked_at = ?
  WHERE device_id = ?`

export function keepDevice(sql: SqlStorage, { through, device, consentRequest: asked }: Listing, nowMs: number): void {
  const { deviceId, tenant, status } = device
  expectDevice(sql, deviceId)
  const request = asked && JSON.stringify(asked)
  sql.exec(
    UPDATE,
    ...[through, nowMs, tenant, status, JSON.stringify(device), request, asked?.askedAtMs ?? null, deviceId],
  )
}

type Row = { readonly device: string; readonly listedAtMs: number }
const KNOWN = 'SELECT device, listed_at AS listedAtMs FROM devices'
const knownOf = ({ device, listedAtMs }: Row): KnownDevice => ({ device: JSON.parse(device) as DeviceRow, listedAtMs })

/** In the order of their ids. @returns one more than the limit when there are more */
export function readDevices(
  sql: SqlStorage,
  { tenant, status, after }: DeviceFilter,
  limit: number,
): readonly KnownDevice[] {
  const { where, values } = whereOf([
    ['device IS NOT NULL'],
    ['tenant = ?', tenant],
    ['status = ?', status],
    ['device_id > ?', after],
  ])
  return sql
    .exec<Row>(`${KNOWN} ${where} ORDER BY device_id LIMIT ?`, ...values, limit + 1)
    .toArray()
    .map(knownOf)
}

/** A request that another person may confirm. */
export interface AskedConsent {
  readonly device: DeviceRow
  readonly request: ConsentRequest
}

/** The longest waiting first. @param after sort key of the last one of the page before */
export function readAsked(
  sql: SqlStorage,
  { tenant, after }: { readonly tenant: string | undefined; readonly after: readonly [number, string] | undefined },
  limit: number,
  nowMs: number,
): readonly AskedConsent[] {
  const { where, values } = whereOf([
    // Word for word the condition of the partial index.
    ['asked_at IS NOT NULL'],
    ['asked_at >= ?', nowMs - REQUEST_MS],
    ['tenant = ?', tenant],
    ['(asked_at, device_id) > (?, ?)', ...(after ?? [undefined])],
  ])
  const found: AskedConsent[] = []
  const rows = sql.exec<{ device: string; request: string }>(
    `SELECT device, consent_request AS request FROM devices ${where} ORDER BY asked_at, device_id`,
    ...values,
  )
  for (const row of rows) {
    const device = JSON.parse(row.device) as DeviceRow
    const request = JSON.parse(row.request) as ConsentRequest
    if (requestStands(request, device.status, device.kid, nowMs)) found.push({ device, request })
    if (found.length > limit) break
  }
  return found
}

/** A device that the sweep comes to next. */
export interface SweepPlace {
  readonly deviceId: string
  /** Null: it was never woken. */
  readonly sweptAtMs: number | null
  /** Null: its object has not told of itself. */
  readonly known: KnownDevice | null
}

/** Those never woken first, then those woken longest ago. */
export function nextToSweep(sql: SqlStorage, limit: number): readonly SweepPlace[] {
  return sql
    .exec<{ deviceId: string; sweptAtMs: number | null; device: string | null; listedAtMs: number | null }>(
      `SELECT device_id AS deviceId, swept_at AS sweptAtMs, device, listed_at AS listedAtMs FROM devices
       ORDER BY swept_at, device_id LIMIT ?`,
      limit,
    )
    .toArray()
    .map(({ deviceId, sweptAtMs, device, listedAtMs }) => {
      return { deviceId, sweptAtMs, known: device === null ? null : knownOf({ device, listedAtMs: listedAtMs ?? 0 }) }
    })
}

export function markSwept(sql: SqlStorage, deviceIds: readonly string[], nowMs: number): void {
  const query = 'UPDATE devices SET swept_at = ? WHERE device_id IN (SELECT value FROM json_each(?))'
  sql.exec(query, nowMs, JSON.stringify(deviceIds))
}

export const lastSweptMs = (sql: SqlStorage): number | null =>
  sql.exec<{ at: number | null }>('SELECT MAX(swept_at) AS at FROM devices').one().at
