import type { DeviceStatus } from '../../../src/protocol/messages.ts'
import type { WalletFault } from '../../../src/protocol/owner-wallet.ts'
import { type EventCounts, withEvents } from '../../../src/risk/reputation.ts'
import type { DeviceChange } from '../admit/admission.ts'
import type { Device, Owing } from '../device.ts'
import { hasRoom, storedWith } from '../room.ts'
import { allOf, fieldsOf, insertInto, rowOf } from './columns.ts'
import { deviceColumns } from './device-row.ts'

/**
 * SQL of the device's row, by intent. Raw `sql.exec`: on the push path it costs a fourth of a query builder. Nothing here
 * awaits, so whatever is written together commits together.
 */
const DEVICE = allOf(deviceColumns)
const INSERT = insertInto('device', DEVICE)
const SELECT = `
  SELECT ${DEVICE.names},
    (SELECT json_group_array(json_array(cursor, at, json(events)))
      FROM (SELECT cursor, at, events FROM outcomes WHERE cursor > device.reputation_cursor ORDER BY cursor))
  FROM device`

export function insertDevice(sql: SqlStorage, device: Device): void {
  sql.exec(INSERT, ...DEVICE.encode(device))
}

/** With what its outcomes have made of its reputation since that was written. */
export function readDevice(sql: SqlStorage): Device {
  const row = rowOf(sql, SELECT)
  const news = JSON.parse(row.at(-1) as string) as [cursor: number, atMs: number, events: EventCounts][]
  const device = DEVICE.decode(row)
  let { reputation, reputationCursor } = device
  for (const [cursor, atMs, events] of news) {
    reputation = withEvents(reputation, events, atMs)
    reputationCursor = cursor
  }
  return { ...device, reputation, reputationCursor }
}

const OWING = fieldsOf(deviceColumns, [
  'deviceId',
  'country',
  'tenant',
  'rev',
  'factsAtMs',
  'recordedRev',
  'indexedRev',
  'doneThrough',
  'auditDoneThrough',
])
const SELECT_OWING = `SELECT ${OWING.names} FROM device`

/** What most changes need of the device; the row's JSON costs more to read than all else that they do. */
export const readOwing = (sql: SqlStorage): Owing => OWING.decode(rowOf(sql, SELECT_OWING))

const ADMITTED = fieldsOf(deviceColumns, [
  ...([
    'head',
    'counters',
    'activity',
    'unsynced',
    'usedRequests',
    'stored',
    'history',
    'policy',
    'olderKeys',
  ] as const),
  ...(['reputation', 'reputationCursor'] as const),
])
/** The low-water mark moves up to the last bundle before one that is owed: up to this one, at the most. */
const UPDATE_ADMITTED = `
  UPDATE device SET row_version = row_version + 1, bundle_count = bundle_count + 1, ${ADMITTED.set},
    done_through = MIN(?, COALESCE((SELECT MIN(seq) - 1 FROM bundles
      WHERE seq > device.done_through AND (recorded = 0 OR indexed_rev < rev)), ?))
  WHERE row_version = ?`

/**
 * @param decidedOn the device that the admission was decided on
 * @param seq of the bundle that brought the change: a late one, filling a hole, is owed again from there on
 * @returns false when the row is another by now: then nothing is written
 */
export function writeDeviceChange(sql: SqlStorage, decidedOn: Device, change: DeviceChange, seq: number): boolean {
  const { reputation, reputationCursor, rowVersion } = decidedOn
  const values = ADMITTED.encode({ ...change, reputation, reputationCursor })
  return sql.exec(UPDATE_ADMITTED, ...values, seq - 1, seq - 1, rowVersion).rowsWritten > 0
}

const CONTRADICTED = fieldsOf(deviceColumns, ['reputation', 'reputationCursor', 'stored'])
const UPDATE_CONTRADICTED = `UPDATE device SET row_version = row_version + 1, ${CONTRADICTED.set}`

/** The device contradicted itself: what is thought of it, and what is kept of it, is something else now. */
export function writeContradicted(
  sql: SqlStorage,
  change: Pick<Device, 'reputation' | 'reputationCursor' | 'stored'>,
): void {
  sql.exec(UPDATE_CONTRADICTED, ...CONTRADICTED.encode(change))
}

const STORED = fieldsOf(deviceColumns, ['stored'])
const UPDATE_STORED = `UPDATE device SET row_version = row_version + 1, ${STORED.set}`

/**
 * Takes room for what the device makes the edge keep besides bundles. Call it within the storage transaction that keeps it.
 *
 * @returns false when there is none left today; then nothing is taken
 */
export function takeRoom(sql: SqlStorage, bytes: number, nowMs: number): boolean {
  const before = STORED.decode(rowOf(sql, `SELECT ${STORED.names} FROM device`))
  const stored = storedWith(before.stored, bytes, nowMs)
  if (!hasRoom(stored)) return false
  sql.exec(UPDATE_STORED, ...STORED.encode({ stored }))
  return true
}

export const readStatus = (sql: SqlStorage): DeviceStatus =>
  sql.exec<{ status: DeviceStatus }>('SELECT status FROM device').one().status

const STATUS = fieldsOf(deviceColumns, ['status', 'factsAtMs'])
const UPDATE_STATUS = `UPDATE device SET row_version = row_version + 1, rev = rev + 1, ${STATUS.set}`

/** A change of the facts that others copy: it is owed to them from now on. */
export function writeStatus(sql: SqlStorage, status: DeviceStatus, factsAtMs: number): void {
  sql.exec(UPDATE_STATUS, ...STATUS.encode({ status, factsAtMs }))
}

const WALLET = fieldsOf(deviceColumns, ['ownerWalletFault', 'factsAtMs'])
const UPDATE_WALLET = `
  UPDATE device SET row_version = row_version + 1, rev = rev + 1, ${WALLET.set} WHERE owner_wallet_fault IS NOT ?`

/** @returns whether it was said otherwise before; saying it again writes nothing */
export function writeOwnerWalletFault(
  sql: SqlStorage,
  ownerWalletFault: WalletFault | null,
  factsAtMs: number,
): boolean {
  const values = WALLET.encode({ ownerWalletFault, factsAtMs })
  return sql.exec(UPDATE_WALLET, ...values, ownerWalletFault).rowsWritten > 0
}

const KEYS = fieldsOf(deviceColumns, ['kid', 'alg', 'publicKey', 'keyRev', 'olderKeys', 'rev', 'factsAtMs'])
const UPDATE_KEYS = `UPDATE device SET row_version = row_version + 1, ${KEYS.set}`

/** The device has another key from now on; the one before is among the older ones. */
export function writeKeys(
  sql: SqlStorage,
  keys: Pick<Device, 'kid' | 'alg' | 'publicKey' | 'keyRev' | 'olderKeys'>,
  factsAtMs: number,
): void {
  sql.exec(UPDATE_KEYS, ...KEYS.encode({ ...keys, rev: keys.keyRev, factsAtMs }))
}

export function writeLastCode(sql: SqlStorage, codeId: string): void {
  sql.exec('UPDATE device SET last_code = ?', codeId)
}

const REGISTRARS = fieldsOf(deviceColumns, ['registrars'])
const UPDATE_REGISTRARS = `UPDATE device SET ${REGISTRARS.set}`

export function writeRegistrars(sql: SqlStorage, registrars: readonly string[]): void {
  sql.exec(UPDATE_REGISTRARS, ...REGISTRARS.encode({ registrars }))
}

const CONSENTS = fieldsOf(deviceColumns, ['consents', 'consentRequest', 'factsAtMs'])
const UPDATE_CONSENTS = `UPDATE device SET row_version = row_version + 1, rev = rev + 1, ${CONSENTS.set}`

/** Nothing is asked for any more. */
export function writeConsents(sql: SqlStorage, consents: Device['consents'], factsAtMs: number): void {
  sql.exec(UPDATE_CONSENTS, ...CONSENTS.encode({ consents, consentRequest: null, factsAtMs }))
}

/** No word that was made before it counts from now on. */
export function writeWithdrawn(sql: SqlStorage, atMs: number): void {
  sql.exec('UPDATE device SET withdrawn_at = MAX(withdrawn_at, ?)', atMs)
}

const REFUSED = fieldsOf(deviceColumns, ['consents'])
const UPDATE_REFUSED = `UPDATE device SET row_version = row_version + 1, listing_rev = listing_rev + 1, ${REFUSED.set}`

/** What the book said of them: it need not be told, and admissions are decided on it. Passes that rest on them end. */
export function writeRefused(sql: SqlStorage, consents: Device['consents']): void {
  sql.exec(UPDATE_REFUSED, ...REFUSED.encode({ consents }))
}

const REQUEST = fieldsOf(deviceColumns, ['consentRequest'])
const UPDATE_REQUEST = `UPDATE device SET ${REQUEST.set}`

/** No fact yet: nobody else has to know. */
export function writeConsentRequest(sql: SqlStorage, consentRequest: Device['consentRequest']): void {
  sql.exec(UPDATE_REQUEST, ...REQUEST.encode({ consentRequest }))
}

const CODE = fieldsOf(deviceColumns, ['codeRequest'])
const UPDATE_CODE = `UPDATE device SET ${CODE.set}`

/** What the book says of it: nobody else has to know. */
export function writeCodeRequest(sql: SqlStorage, codeRequest: Device['codeRequest']): void {
  sql.exec(UPDATE_CODE, ...CODE.encode({ codeRequest }))
}

const ASKED_CODE = fieldsOf(deviceColumns, ['codeRequest', 'factsAtMs'])
const UPDATE_ASKED_CODE = `UPDATE device SET rev = rev + 1, ${ASKED_CODE.set}`

/** A fact that the reconciler has to know: a code is asked for, or was entered. */
export function writeAskedCode(sql: SqlStorage, codeRequest: Device['codeRequest'], factsAtMs: number): void {
  sql.exec(UPDATE_ASKED_CODE, ...ASKED_CODE.encode({ codeRequest, factsAtMs }))
}

/** The reconciler's registry holds the facts up to `rev`. */
export function writeRecordedRev(sql: SqlStorage, rev: number): void {
  sql.exec('UPDATE device SET recorded_rev = MAX(recorded_rev, MIN(?, rev))', rev)
}
