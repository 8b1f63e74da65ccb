import type { AllowanceStands } from '../../../src/protocol/confirmations.ts'
import { raise } from '../owed/escalation.ts'
import type { Actor } from '../person.ts'
import { writeAllowance } from '../sql/allowance-store.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import { readDevice, writeStatus } from '../sql/device-store.ts'

/**
 * What the ledger says of the device's allowance. A device that the ledger has convicted by its own signatures is suspended and escalated, as
 * one that forks its chain is. Each allowance convicts it once: people may reactivate it after that.
 *
 * Call it within a storage transaction.
 */
export function recordAllowance(
  sql: SqlStorage,
  stands: AllowanceStands,
  by: Actor,
  nowMs: number,
): readonly AuditRecord[] {
  if (!writeAllowance(sql, stands)) return []
  const { allowance, convictedNo } = stands
  const { no, state, reason } = allowance
  const audit = [
    writeAuditRecord(sql, nowMs, by, 'allowance_stands', { no, state, ...(reason !== undefined && { reason }) }),
  ]
  // Written down though it is suspended already: people may reactivate it, knowing of this.
  if (!convict(sql, convictedNo)) return audit
  audit.push(raise(sql, { kind: 'allowance_misused', seq: convictedNo, digests: [] }, nowMs))
  if (readDevice(sql).status !== 'active') return audit
  writeStatus(sql, 'suspended', nowMs)
  audit.push(writeAuditRecord(sql, nowMs, { actor: 'system' }, 'device_suspended', { reason: 'allowance_misused' }))
  return audit
}

/** @returns whether it was not convicted of this one before, or of a later one */
const convict = (sql: SqlStorage, no: number): boolean =>
  sql.exec('UPDATE allowance SET convicted_no = ?1 WHERE convicted_no < ?1', no).rowsWritten > 0
