import { toHex } from '../../../src/protocol/bytes.ts'
import { detached } from '../../../src/protocol/cose.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { moved } from '../../../src/risk/reputation.ts'
import type { AdmitRequest } from '../admit-request.ts'
import { raise } from '../owed/escalation.ts'
import type { Actor } from '../person.ts'
import { storedWith } from '../room.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import { readDevice, writeContradicted, writeStatus } from '../sql/device-store.ts'
import { lastRaisedMs } from '../sql/escalation-store.ts'
import { insertEvidence } from '../sql/evidence-store.ts'
import type { Contradiction, CounterConflict } from './admission.ts'

/** Of contradictions that do not suspend the device one a day is escalated: the rest of the day is in the evidence. */
const ESCALATE_EVERY_MS = DAY_MS

/**
 * A bundle that contradicts an admitted one is signed proof that its device told two stories: its digest and signature are kept,
 * it is recorded, held against the device and escalated. A fork also suspends the device. The same bundle again is no news, but a device that
 * was reactivated and tells the same fork again is cloned still.
 *
 * Whether there is room to keep the bundle decides nothing else. Forks are bounded by people, who reactivate the device
 * each time; without room, other contradictions count when one is escalated, so they cannot write without end.
 *
 * Call it within a storage transaction.
 */
export function keepContradiction(
  sql: SqlStorage,
  { claims, digest, bundle }: AdmitRequest,
  { code, against }: Contradiction | CounterConflict,
  by: Actor,
  nowMs: number,
): AuditRecord[] {
  const isFork = code === 'chain_fork'
  const signed = detached(bundle)
  const kept = insertEvidence(sql, {
    digest,
    kind: code,
    seq: claims.seq,
    againstSeq: against?.seq ?? null,
    signed,
    atMs: nowMs,
  })
  const isDue = nowMs - (lastRaisedMs(sql, code) ?? 0) >= ESCALATE_EVERY_MS
  const escalates = kept !== 'known' && (isFork || isDue)
  const audit: AuditRecord[] = []
  if (kept === 'new' || escalates) {
    const detail = { seq: claims.seq, digest: toHex(digest) }
    audit.push(writeAuditRecord(sql, nowMs, by, code, detail, claims.bundleId))
    const { reputation, reputationCursor, stored } = readDevice(sql)
    writeContradicted(sql, {
      reputation: moved(reputation, isFork ? 'fork' : 'conflict', nowMs),
      reputationCursor,
      stored: storedWith(stored, signed.length, nowMs),
    })
  }
  if (escalates) {
    const digests = against === undefined ? [digest] : [digest, against.digest]
    audit.push(raise(sql, { kind: code, seq: claims.seq, digests: digests.map(toHex) }, nowMs))
  }
  if (isFork) {
    writeStatus(sql, 'suspended', nowMs)
    audit.push(writeAuditRecord(sql, nowMs, { actor: 'system' }, 'device_suspended', { reason: code }))
  }
  return audit
}
