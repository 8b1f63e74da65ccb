import type { Indexed, RebuiltPlaces } from '../../../src/edge/store/index-message.ts'
import type { BundleStatus } from '../../../src/protocol/states.ts'
import type { Owing } from '../device.ts'
import { hasLeft } from '../retention.ts'
import { OWED } from './bundle-store.ts'
import { owedAnswers } from './claim-store.ts'
import { readOwing } from './device-store.ts'
import { owedEscalations } from './escalation-store.ts'
import { owedMandates } from './mandate-store.ts'
import { owedResolutions } from './resolution-store.ts'

/** SQL of how much is owed, and of what is not owed any more. */

/** What an object still owes: for operators and for the sweep. */
export interface OwedSummary {
  readonly settle: number
  readonly index: number
  /** Escalations that SIRA has not taken. */
  readonly escalations: number
  /** When the oldest of what is owed to the reconciler and the read model became so; null when nothing is. */
  readonly oldestMs: number | null
}

/** How much is owed to whom, and since when; null when nothing is. */
interface OwedTo {
  readonly count: number
  readonly sinceMs: number | null
}

/** What is owed to the reconciler, to the read model, and to SIRA where there is one. */
export function readOwedTo(
  sql: SqlStorage,
  device: Owing,
  hasSira: boolean,
): { readonly settle: OwedTo; readonly index: OwedTo; readonly escalations: OwedTo } {
  const bundles = sql
    .exec<Record<'settle' | 'index', number> & Record<'settleMs' | 'indexMs', number | null>>(
      `SELECT COUNT(*) FILTER (WHERE recorded = 0) AS settle, COUNT(*) FILTER (WHERE indexed_rev < rev) AS "index",
        MIN(received_at) FILTER (WHERE recorded = 0) AS settleMs, MIN(updated_at) FILTER (WHERE indexed_rev < rev) AS indexMs
        FROM bundles WHERE ${OWED}`,
      device.doneThrough,
    )
    .one()
  const facts = (rev: number): OwedTo => (rev < device.rev ? { count: 1, sinceMs: device.factsAtMs } : NOTHING)
  return {
    settle: sum(
      { count: bundles.settle, sinceMs: bundles.settleMs },
      ...[facts(device.recordedRev), owedResolutions(sql), owedAnswers(sql), owedMandates(sql)],
    ),
    index: sum({ count: bundles.index, sinceMs: bundles.indexMs }, facts(device.indexedRev), owedAudit(sql, device)),
    escalations: hasSira ? owedEscalations(sql) : NOTHING,
  }
}

export function owedSummary(sql: SqlStorage, device: Owing, hasSira: boolean): OwedSummary {
  const { settle, index, escalations } = readOwedTo(sql, device, hasSira)
  return {
    ...{ settle: settle.count, index: index.count, escalations: escalations.count },
    oldestMs: sum(settle, index).sinceMs,
  }
}

const NOTHING: OwedTo = { count: 0, sinceMs: null }

function sum(...parts: readonly OwedTo[]): OwedTo {
  const since = parts.flatMap(({ sinceMs }) => sinceMs ?? [])
  return {
    count: parts.reduce((total, { count }) => total + count, 0),
    sinceMs: since.length === 0 ? null : Math.min(...since),
  }
}

function owedAudit(sql: SqlStorage, { auditDoneThrough }: Owing): OwedTo {
  const query = 'SELECT COUNT(*) AS count, MIN(at) AS sinceMs FROM audit WHERE id > ?'
  return sql.exec<{ count: number; sinceMs: number | null }>(query, auditDoneThrough).one()
}

/**
 * These are indexed. A rev that the object has moved on from is not the news that is owed; of the audit
 * records only those below the first one that is missing count.
 *
 * Call it within a storage transaction.
 */
export function markIndexed(sql: SqlStorage, { deviceRev, bundles, auditIds }: Indexed): void {
  let written = 0
  for (const [seq, rev] of bundles) {
    const mark = 'UPDATE bundles SET indexed_rev = ?2 WHERE seq = ?1 AND indexed_rev < ?2 AND rev >= ?2'
    written += sql.exec(mark, seq, rev).rowsWritten
  }
  const before = readOwing(sql)
  const indexed = new Set(auditIds)
  let auditDone = before.auditDoneThrough
  while (indexed.has(auditDone + 1)) auditDone++
  const indexedRev = Math.max(before.indexedRev, Math.min(deviceRev, before.rev))
  // A repeat writes nothing.
  if (written === 0 && auditDone === before.auditDoneThrough && indexedRev === before.indexedRev) return
  // The low-water mark moves up to the last bundle before one that is owed.
  sql.exec(
    `UPDATE device SET indexed_rev = ?, audit_done_through = ?, done_through = COALESCE(
      (SELECT MIN(seq) - 1 FROM bundles WHERE seq > device.done_through AND (recorded = 0 OR indexed_rev < rev)), head)`,
    ...[indexedRev, auditDone],
  )
}

/**
 * The read model holds this part and nothing else in its places: what the object has moved on from meanwhile, or has got since,
 * is owed again. Call it within a storage transaction.
 */
export function markRebuilt(
  sql: SqlStorage,
  { from, to, deviceRev, bundles, auditId }: RebuiltPlaces,
  nowMs: number,
): void {
  const held = new Map(bundles)
  const newer = sql
    .exec<{ seq: number; rev: number; status: BundleStatus; updatedAtMs: number }>(
      'SELECT seq, rev, status, updated_at AS updatedAtMs FROM bundles WHERE seq > ? AND seq <= ?',
      ...[from.seq, to.seq],
    )
    .toArray()
    .flatMap(({ seq, rev, ...bundle }) => (held.get(seq) === rev || hasLeft(bundle, nowMs) ? [] : [seq]))
  if (newer.length > 0) markUnindexed(sql, newer)
  sql.exec('UPDATE device SET indexed_rev = MIN(indexed_rev, ?1) WHERE rev > ?1', deviceRev)
  // Records behind the last one that was said are gone where the part had no end.
  if (to.auditId > auditId) sql.exec('UPDATE device SET audit_done_through = MIN(audit_done_through, ?)', auditId)
  markIndexed(sql, { deviceRev, bundles, auditIds: [] })
}

/** These are not indexed after all. Call it within a storage transaction. */
export function markUnindexed(sql: SqlStorage, seqs: readonly number[]): void {
  for (const seq of seqs) sql.exec('UPDATE bundles SET indexed_rev = rev - 1 WHERE seq = ? AND indexed_rev >= rev', seq)
  sql.exec('UPDATE device SET done_through = ?1 WHERE done_through > ?1', Math.min(...seqs) - 1)
}
