import { leftOutBefore } from './left-out-store.ts'

/** SQL of what is missing in the chain: seqs below the head that were not admitted, and that no device left out. */

const NOT_LEFT_OUT = `
  NOT EXISTS (SELECT 1 FROM left_out WHERE left_out.after_seq <= after AND before <= left_out.before_seq)`

export function hasHoles(sql: SqlStorage): boolean {
  return sql.exec('SELECT 1 FROM device WHERE bundle_count < head').toArray().length > 0
}

/** Seqs that were not admitted, lowest first. */
export function missingSeqs(sql: SqlStorage, limit: number): number[] {
  if (!hasHoles(sql)) return []
  const gaps = sql
    .exec<{ after: number; before: number }>(
      `SELECT * FROM (SELECT seq AS before, LAG(seq, 1, 0) OVER (ORDER BY seq) AS after FROM bundles)
        WHERE before - after > 1 AND ${NOT_LEFT_OUT} ORDER BY before LIMIT ?`,
      limit,
    )
    .toArray()
  return gaps
    .flatMap(({ after, before }) =>
      Array.from({ length: Math.min(before - after - 1, limit) }, (_, index) => after + 1 + index),
    )
    .slice(0, limit)
}

/** How many seqs before this one are missing. */
export function missingBefore(
  sql: SqlStorage,
  { head, bundleCount }: { head: number; bundleCount: number },
  seq: number,
) {
  if (bundleCount === head) return Math.max(0, seq - 1 - head)
  if (seq > head) return seq - 1 - bundleCount - leftOutBefore(sql, seq)
  const { n } = sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM bundles WHERE seq < ?', seq).one()
  return seq - 1 - n - leftOutBefore(sql, seq)
}

/**
 * The first hole that shows since a time after `afterMs` and not after `untilMs`: since the first bundle came that follows
 * it.
 */
export function holeSince(sql: SqlStorage, afterMs: number, untilMs: number): number | undefined {
  const query = `
    SELECT after + 1 AS seq FROM (
      SELECT seq AS before, LAG(seq, 1, 0) OVER (ORDER BY seq) AS after,
        MIN(received_at) OVER (ORDER BY seq ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS since
      FROM bundles)
    WHERE before - after > 1 AND ${NOT_LEFT_OUT} AND since > ? AND since <= ? ORDER BY before LIMIT 1`
  return sql.exec<{ seq: number }>(query, afterMs, untilMs).toArray()[0]?.seq
}
