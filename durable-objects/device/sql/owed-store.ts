import type { Indexed, RebuiltPlaces } from '../../../src/edge/store/index-message.ts'
import type { BundleStatus } from '../../../src/protocol/states.ts'
import { hasLeft } from '../retention.ts'
import { readOwing } from './device-store.ts'
import { owedEscalations } from './escalation-store.ts'

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

/** One statement, and not one a table: this is asked after nearly every change. */
const DUE = `
  SELECT rev, facts_at AS factsMs, recorded_rev AS recordedRev, indexed_rev AS indexedRev,
    bundles.settle + resolutions.n + answers.n + mandates.n + orders.n AS settle, bundles."index" + audit.n AS "index",
    bundles.settleMs, resolutions.ms AS resolutionsMs, answers.ms AS answersMs, mandates.ms AS mandatesMs,
    orders.ms AS ordersMs,
    bundles.indexMs, audit.ms AS auditMs, listing_rev > listed_rev AS owesListing,
    (SELECT MIN(expires_at) FROM bundles WHERE expires_at IS NOT NULL) AS expiryMs
  FROM device,
    (SELECT COUNT(*) FILTER (WHERE recorded = 0) AS settle, COUNT(*) FILTER (WHERE indexed_rev < rev) AS "index",
      MIN(received_at) FILTER (WHERE recorded = 0) AS settleMs, MIN(updated_at) FILTER (WHERE indexed_rev < rev) AS indexMs
      FROM bundles WHERE seq > (SELECT done_through FROM device) AND (recorded = 0 OR indexed_rev < rev)) AS bundles,
    (SELECT COUNT(*) AS n, MIN(at) AS ms FROM resolutions WHERE recorded = 0) AS resolutions,
    (SELECT COUNT(*) AS n, MIN(at) AS ms FROM claim_answers WHERE recorded = 0) AS answers,
    (SELECT COUNT(*) AS n, MIN(at) AS ms FROM mandates WHERE recorded = 0) AS mandates,
    (SELECT COUNT(*) AS n, MIN(at) AS ms FROM allowance_orders WHERE recorded = 0) AS orders,
    (SELECT COUNT(*) AS n, MIN(at) AS ms FROM audit WHERE id > (SELECT audit_done_through FROM device)) AS audit`
type DueRow = Record<'rev' | 'factsMs' | 'recordedRev' | 'indexedRev' | 'settle' | 'index' | 'owesListing', number> &
  Record<
    `${'settle' | 'index' | 'resolutions' | 'answers' | 'mandates' | 'orders' | 'audit' | 'expiry'}Ms`,
    number | null
  >

/** What an object has to do some time. */
interface Due {
  readonly settle: OwedTo
  readonly index: OwedTo
  readonly escalations: OwedTo
  /** To the object of the country. */
  readonly owesListing: boolean
  /** When the next payment will have waited too long; null when none waits. */
  readonly expiryMs: number | null
}

/** What is owed to the reconciler, to the read model, and to SIRA where there is one, and what else is to come. */
export function readDue(sql: SqlStorage, hasSira: boolean): Due {
  const due = sql.exec<DueRow>(DUE).one()
  const facts = (rev: number): OwedTo => (rev < due.rev ? { count: 1, sinceMs: due.factsMs } : NOTHING)
  const settleMs = [due.settleMs, due.resolutionsMs, due.answersMs, due.mandatesMs, due.ordersMs]
  return {
    settle: sum({ count: due.settle, sinceMs: earliest(settleMs) }, facts(due.recordedRev)),
    index: sum({ count: due.index, sinceMs: earliest([due.indexMs, due.auditMs]) }, facts(due.indexedRev)),
    escalations: hasSira ? owedEscalations(sql) : NOTHING,
    owesListing: due.owesListing === 1,
    expiryMs: due.expiryMs,
  }
}

export function owedSummary(sql: SqlStorage, hasSira: boolean): OwedSummary {
  const { settle, index, escalations } = readDue(sql, hasSira)
  return {
    ...{ settle: settle.count, index: index.count, escalations: escalations.count },
    oldestMs: sum(settle, index).sinceMs,
  }
}

const NOTHING: OwedTo = { count: 0, sinceMs: null }

function sum(...parts: readonly OwedTo[]): OwedTo {
  return {
    count: parts.reduce((total, { count }) => total + count, 0),
    sinceMs: earliest(parts.map(({ sinceMs }) => sinceMs)),
  }
}

function earliest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : Math.min(...known)
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
