import { toHex } from '../../../src/protocol/bytes.ts'
import type { Confirmation, DeviceRecorded } from '../../../src/protocol/confirmations.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { Outcome } from '../../../src/protocol/notice.ts'
import { withOutcomes } from '../../../src/risk/reputation.ts'
import type { StoredBundle } from '../bundle.ts'
import type { Owing } from '../device.ts'
import type { Actor } from '../person.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import { readBundle, updateBundle } from '../sql/bundle-store.ts'
import {
  readOwing,
  readReputation,
  writeOwnerWalletUnknown,
  writeRecordedRev,
  writeReputation,
} from '../sql/device-store.ts'
import { insertOutcomes } from '../sql/outcome-store.ts'
import { markResolutionRecorded } from '../sql/resolution-store.ts'
import { applyConfirmation } from './apply-outcomes.ts'

export interface AppliedConfirmations {
  readonly device: Owing
  /** Of a change of the device's own facts; empty when nothing of them changed. */
  readonly audit: readonly AuditRecord[]
  /** Bundles that others see differently now. */
  readonly changed: readonly StoredBundle[]
  /** Bundles that were never admitted here: the reconciler holds their receipts, so the object has lost them. */
  readonly unknown: ReadonlySet<string>
}

/**
 * Writes what the reconciler holds and decided, each bundle once however many confirmations are about it. Those that
 * are about nothing of this device keep none of the others from being applied.
 *
 * Call it within a storage transaction.
 */
export function applyConfirmations(
  sql: SqlStorage,
  confirmations: readonly Confirmation[],
  by: Actor,
  nowMs: number,
): AppliedConfirmations {
  const device = readOwing(sql)
  const read = new Map<string, StoredBundle>()
  const current = new Map<string, StoredBundle>()
  const news: Outcome[] = []
  const audit: AuditRecord[] = []
  const unknown = new Set<string>()
  for (const confirmation of confirmations) {
    if (confirmation.kind === 'device_recorded') {
      audit.push(...recordFacts(sql, confirmation, by, nowMs))
      continue
    }
    if (confirmation.kind === 'resolution_recorded') {
      markResolutionRecorded(sql, confirmation.rev)
      continue
    }
    const id = toHex(confirmation.bundleId)
    const bundle = current.get(id) ?? readBundle(sql, confirmation.bundleId)
    if (bundle === undefined) {
      unknown.add(ulidText(confirmation.bundleId))
      continue
    }
    if (!read.has(id)) read.set(id, bundle)
    const applied = applyConfirmation(bundle, confirmation, nowMs)
    if (applied === undefined) continue
    current.set(id, applied.bundle)
    insertOutcomes(sql, applied.news)
    news.push(...applied.news)
    if (applied.bundle.rev === bundle.rev) continue
    const detail = { status: applied.bundle.status, payments: applied.news.length }
    writeAuditRecord(sql, nowMs, by, 'bundle_settled', detail, bundle.bundleId)
  }
  for (const bundle of current.values()) updateBundle(sql, bundle)
  if (news.length > 0) writeReputation(sql, withOutcomes(readReputation(sql), news, nowMs))
  const changed = [...current].flatMap(([id, bundle]) => (bundle.rev === read.get(id)?.rev ? [] : [bundle]))
  return { device, audit, changed, unknown }
}

/** The registry has the device's facts, and knows what the ledger says of the owner's wallet. */
function recordFacts(sql: SqlStorage, { rev, wallet }: DeviceRecorded, by: Actor, nowMs: number): AuditRecord[] {
  writeRecordedRev(sql, rev)
  if (wallet === undefined || !writeOwnerWalletUnknown(sql, wallet === 'unknown', nowMs)) return []
  return [writeAuditRecord(sql, nowMs, by, `owner_wallet_${wallet}`, {})]
}
