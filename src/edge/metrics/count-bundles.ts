import type { BundleRow } from '../store/index-message.ts'
import { RISK_BUCKETS } from './catalogue.ts'
import { addToTotals } from './totals.ts'

/** Series of the score's histogram → what a score adds: itself, one, or one if it is within the bound. */
const RISK_PARTS = JSON.stringify({
  sum: 'sum',
  count: 'count',
  ...Object.fromEntries(RISK_BUCKETS.map((le) => [`bucket{le="${le}"}`, le])),
  'bucket{le="+Inf"}': 'count',
})

/**
 * Counts bundles where they come into D1: what is new or has changed, compared with the row that is there. It must run
 * before the rows are written and in the same batch; then each bundle is counted exactly once, however often its
 * messages are repeated and in whatever order they come. One statement and one row a batch.
 * (D1 takes five terms in a compound SELECT.)
 */
const COUNT = `
  WITH incoming AS (
    SELECT value->>'bundleId' AS id, value->>'deviceId' AS device, value->>'country' AS country,
      value->>'status' AS status, value->>'rev' AS rev, value->>'riskScore' AS score
    FROM json_each(?1)
  ), changed AS (
    SELECT i.country, i.status, i.score, b.status AS was, b.rev IS NULL AS is_new
    FROM incoming i LEFT JOIN offline_tx_bundles b ON b.bundle_id = i.id AND b.device_id = i.device
    WHERE b.rev IS NULL OR b.rev < i.rev
  ), added (series, n) AS (
    SELECT 'offline_bundles_pushed_total{country="' || country || '"}', 1 FROM changed WHERE is_new
    UNION ALL
    SELECT CASE status WHEN 'rejected' THEN 'offline_bundles_rejected_total{code="all_payments_refused"}'
      ELSE 'offline_bundles_' || status || '_total{country="' || country || '"}' END, 1
    FROM changed WHERE status NOT IN ('pushed', 'processing') AND was IS NOT status
    UNION ALL
    SELECT 'offline_bundles{country="' || country || '",status="' || iif(sign.value > 0, status, was) || '"}', sign.value
    FROM changed, json_each('[1, -1]') sign WHERE sign.value > 0 OR NOT is_new
    UNION ALL
    SELECT 'offline_risk_score_' || part.key, CASE part.value WHEN 'sum' THEN score WHEN 'count' THEN 1
      ELSE score <= part.value END
    FROM changed, json_each(?2) part WHERE is_new
  ) ${addToTotals('bundles')}`

export function countBundles(db: D1Database, rows: readonly BundleRow[]): D1PreparedStatement[] {
  if (rows.length === 0) return []
  // A batch may bring a bundle twice; the rows are written by the higher rev, and so they are counted.
  const latest = new Map<string, BundleRow>()
  for (const row of rows) {
    const key = `${row.deviceId} ${row.bundleId}`
    if (row.rev > (latest.get(key)?.rev ?? 0)) latest.set(key, row)
  }
  const incoming = [...latest.values()].map(({ bundleId, deviceId, country, status, rev, riskScore }) => {
    return { bundleId, deviceId, country, status, rev, riskScore }
  })
  return [db.prepare(COUNT).bind(JSON.stringify(incoming), RISK_PARTS)]
}
