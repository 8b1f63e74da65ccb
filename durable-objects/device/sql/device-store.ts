import type { DeviceStatus } from '../../../src/protocol/messages.ts'
import type { Reputation } from '../../../src/risk/reputation.ts'
import type { DeviceChange } from '../admit/admission.ts'
import type { Device, Owing } from '../device.ts'
import { allOf, fieldsOf, insertInto, type Row } from './columns.ts'
import { deviceColumns } from './device-row.ts'

/**
 * SQL of the device's row, by intent. Raw `sql.exec`: on the push path it costs a fourth of a query builder. Nothing here
 * awaits, so whatever is written together commits together.
 */
const DEVICE = allOf(deviceColumns)
const INSERT = insertInto('device', DEVICE)
const SELECT = `SELECT ${DEVICE.names} FROM device`

export function insertDevice(sql: SqlStorage, device: Device): void {
  sql.exec(INSERT, ...DEVICE.encode(device))
}

export const readDevice = (sql: SqlStorage): Device => DEVICE.decode(sql.exec<Row>(SELECT).one())

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
export const readOwing = (sql: SqlStorage): Owing => OWING.decode(sql.exec<Row>(SELECT_OWING).one())

const REPUTATION = fieldsOf(deviceColumns, ['reputation'])

export function readReputation(sql: SqlStorage): Reputation {
  return REPUTATION.decode(sql.exec<Row>('SELECT reputation FROM device').one()).reputation
}

/** Version of the device's row: whoever decided on another one decides again. */
export function readRowVersion(sql: SqlStorage): number {
  return sql.exec<{ row_version: number }>('SELECT row_version FROM device').one().row_version
}

const ADMITTED = fieldsOf(deviceColumns, ['head', 'counters', 'activity', 'history', 'policy', 'olderKeys'])
const UPDATE_ADMITTED = `
  UPDATE device SET row_version = row_version + 1, bundle_count = bundle_count + 1, ${ADMITTED.set},
    done_through = MIN(done_through, ?)`

/** @param seq of the bundle that brought the change: a late one, filling a hole, is owed again from there on */
export function writeDeviceChange(sql: SqlStorage, change: DeviceChange, seq: number): void {
  sql.exec(UPDATE_ADMITTED, ...ADMITTED.encode(change), seq - 1)
}

const UPDATE_REPUTATION = `UPDATE device SET row_version = row_version + 1, ${REPUTATION.set}`

/** What came of the device's payments changed what is thought of it. */
export function writeReputation(sql: SqlStorage, reputation: Reputation): void {
  sql.exec(UPDATE_REPUTATION, ...REPUTATION.encode({ reputation }))
}

const STATUS = fieldsOf(deviceColumns, ['status', 'factsAtMs'])
const UPDATE_STATUS = `UPDATE device SET row_version = row_version + 1, rev = rev + 1, ${STATUS.set}`

/** A change of the facts that others copy: it is owed to them from now on. */
export function writeStatus(sql: SqlStorage, status: DeviceStatus, factsAtMs: number): void {
  sql.exec(UPDATE_STATUS, ...STATUS.encode({ status, factsAtMs }))
}

const WALLET = fieldsOf(deviceColumns, ['ownerWalletUnknown', 'factsAtMs'])
const UPDATE_WALLET = `
  UPDATE device SET row_version = row_version + 1, rev = rev + 1, ${WALLET.set} WHERE owner_wallet_unknown <> ?`

/** @returns whether it was said otherwise before; saying it again writes nothing */
export function writeOwnerWalletUnknown(sql: SqlStorage, ownerWalletUnknown: boolean, factsAtMs: number): boolean {
  const values = WALLET.encode({ ownerWalletUnknown, factsAtMs })
  return sql.exec(UPDATE_WALLET, ...values, ownerWalletUnknown ? 1 : 0).rowsWritten > 0
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

/** The reconciler's registry holds the facts up to `rev`. */
export function writeRecordedRev(sql: SqlStorage, rev: number): void {
  sql.exec('UPDATE device SET recorded_rev = MAX(recorded_rev, MIN(?, rev))', rev)
}
