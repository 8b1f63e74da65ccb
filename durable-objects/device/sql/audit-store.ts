import { ulidText } from '../../../src/protocol/ids.ts'
import type { AdmitRequest } from '../admit-request.ts'
import type { Actor } from '../person.ts'
import { allOf, type Columns, fieldsOf, insertInto, json, plain, rowsOf } from './columns.ts'

/** SQL of the audit log: who changed what of this device, when and from where. */
export interface AuditRecord {
  readonly id: number
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly bundleId: string | null
  readonly requestId: string | null
  readonly detail: Readonly<Record<string, string | number>>
}

const columns: Columns<AuditRecord> = {
  id: plain('id'),
  at: plain('at'),
  actor: plain('actor'),
  action: plain('action'),
  bundleId: plain('bundle_id'),
  requestId: plain('request_id'),
  detail: json('detail'),
}
const RECORD = allOf(columns)
const NEW = fieldsOf(columns, ['at', 'actor', 'action', 'bundleId', 'requestId', 'detail'])
const INSERT = `${insertInto('audit', NEW)} RETURNING id`
const PAGE = `SELECT ${RECORD.names} FROM audit WHERE id > ? ORDER BY id LIMIT ?`

/** Records a change, by whom and from where. Call it in the transaction that makes the change. */
export function writeAuditRecord(
  sql: SqlStorage,
  at: number,
  { actor, requestId, from }: Actor,
  action: string,
  detail: AuditRecord['detail'],
  bundleId?: Uint8Array,
): AuditRecord {
  const record = {
    at,
    actor,
    action,
    bundleId: bundleId ? ulidText(bundleId) : null,
    requestId: requestId ?? null,
    detail: from === undefined ? detail : { ...detail, via: from },
  }
  return { ...record, id: sql.exec<{ id: number }>(INSERT, ...NEW.encode(record)).one().id }
}

export const readAudit = (sql: SqlStorage, after: number, limit: number): AuditRecord[] =>
  rowsOf(sql, PAGE, after, limit).map(RECORD.decode)

/** Whether this act was written down before, under the same request. */
export const hasAuditRecord = (sql: SqlStorage, action: string, requestId: string): boolean =>
  sql.exec('SELECT 1 FROM audit WHERE action = ? AND request_id = ?', action, requestId).toArray().length > 0

/** Who revoked the device. */
export const readRevokedBy = (sql: SqlStorage): string | undefined =>
  sql
    .exec<{ actor: string }>("SELECT actor FROM audit WHERE action = 'device_revoked' ORDER BY id DESC LIMIT 1")
    .toArray()[0]?.actor

/** The device whose key signed the push. */
export const deviceActor = ({ requestId, from }: AdmitRequest): Actor => {
  return { actor: 'device', requestId, ...(from && { from }) }
}
