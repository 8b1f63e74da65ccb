import { ulidText } from '../../../src/protocol/ids.ts'
import type { Actor, AdmitRequest } from '../types.ts'
import { type AuditRecord, writeAudit } from './owed-store.ts'

/** Records a change, by whom and from where. Call it in the transaction that makes the change. */
export function writeAuditRecord(
  sql: SqlStorage,
  at: number,
  { actor, requestId, from }: Actor,
  action: string,
  detail: Readonly<Record<string, string | number>>,
  bundleId?: Uint8Array,
): AuditRecord {
  return writeAudit(sql, {
    at,
    actor,
    action,
    bundleId: bundleId ? ulidText(bundleId) : null,
    requestId: requestId ?? null,
    detail: from === undefined ? detail : { ...detail, via: from },
  })
}

/** The device whose key signed the push. */
export const deviceActor = ({ requestId, from }: AdmitRequest): Actor => {
  return { actor: 'device', requestId, ...(from && { from }) }
}
