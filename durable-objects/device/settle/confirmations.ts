import { toHex } from '../../../src/protocol/bytes.ts'
import type { Confirmation, DeviceRecorded } from '../../../src/protocol/confirmations.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { StoredBundle } from '../bundle.ts'
import type { Ended } from '../owed/owed.ts'
import { recordVerdict } from '../people/codes.ts'
import { endIfRevoked } from '../people/end-waiting.ts'
import { recordRefused } from '../people/refused.ts'
import type { Actor } from '../person.ts'
import { markOrderRecorded } from '../sql/allowance-store.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import { readBundle, updateBundle } from '../sql/bundle-store.ts'
import { markAnswerRecorded, writeTaken } from '../sql/claim-store.ts'
import { writeOwnerWalletFault, writeRecordedRev } from '../sql/device-store.ts'
import { markMandateRecorded } from '../sql/mandate-store.ts'
import { insertNews } from '../sql/outcome-store.ts'
import { markResolutionRecorded } from '../sql/resolution-store.ts'
import { recordAllowance } from './allowance.ts'
import { applyConfirmation } from './apply-outcomes.ts'

export interface AppliedConfirmations {
  /** Of a change of the device's own facts; empty when nothing of them changed. */
  readonly audit: readonly AuditRecord[]
  /**
   * Settled bundles for the caller to show in the read model, also those that were applied before: whoever confirms again
   * does not know that it succeeded.
   */
  readonly settled: readonly StoredBundle[]
  /** Of a revoked device: payments that would have waited for people now. */
  readonly ended: readonly Ended[]
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
  const read = new Map<string, StoredBundle>()
  const current = new Map<string, StoredBundle>()
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
    if (confirmation.kind === 'answer_recorded') {
      // Answers, mandates and orders are numbered together.
      markAnswerRecorded(sql, confirmation.rev)
      markMandateRecorded(sql, confirmation.rev)
      markOrderRecorded(sql, confirmation.rev)
      continue
    }
    if (confirmation.kind === 'claims_open') {
      writeTaken(sql, confirmation)
      continue
    }
    if (confirmation.kind === 'allowance_stands') {
      audit.push(...recordAllowance(sql, confirmation, by, nowMs))
      continue
    }
    const id = toHex(confirmation.bundleId)
    const bundle = current.get(id) ?? readBundle(sql, confirmation.bundleId)
    if (bundle === undefined) {
      unknown.add(ulidText(confirmation.bundleId))
      continue
    }
    if (!read.has(id)) read.set(id, bundle)
    const applied = applyConfirmation(bundle, confirmation, by.requestId, nowMs)
    current.set(id, applied?.bundle ?? bundle)
    if (applied?.news) insertNews(sql, applied.news)
  }
  const settled: StoredBundle[] = []
  const ended: Ended[] = []
  for (const [id, confirmed] of current) {
    const end = endIfRevoked(sql, confirmed, nowMs)
    if (end) ended.push(end)
    const bundle = end?.bundle ?? confirmed
    const isHanded = bundle.settledRev > 0
    // Whoever is handed the rows shows them, or says that the read model did not take them: they are not owed meanwhile.
    const after = isHanded ? { ...bundle, indexedRev: bundle.rev } : bundle
    if (isChanged(read.get(id), after)) updateBundle(sql, after)
    if (isHanded) settled.push(after)
  }
  return { audit, settled, unknown, ended }
}

const isChanged = (before: StoredBundle | undefined, after: StoredBundle) =>
  before?.rev !== after.rev || before.recorded !== after.recorded || before.indexedRev !== after.indexedRev

/** The registry has the device's facts, and knows what the ledger says of the owner's wallet. */
function recordFacts(sql: SqlStorage, recorded: DeviceRecorded, by: Actor, nowMs: number): AuditRecord[] {
  const { rev, wallet, code, refused = [] } = recorded
  writeRecordedRev(sql, rev)
  const audit = code === undefined ? [] : recordVerdict(sql, code, rev, by, nowMs)
  if (refused.length > 0) audit.push(...recordRefused(sql, refused, by, nowMs))
  if (wallet === undefined || !writeOwnerWalletFault(sql, wallet === 'known' ? null : wallet, nowMs)) return audit
  return [...audit, writeAuditRecord(sql, nowMs, by, `owner_wallet_${wallet}`, {})]
}
