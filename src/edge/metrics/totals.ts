import type { WaitingSummary } from '../../../durable-objects/country/waiting.ts'
import { WAITING_STATUSES } from '../../protocol/states.ts'
import { HOUR_MS, MINUTE_MS } from '../../protocol/time.ts'
import { series } from './catalogue.ts'
import type { CounterRow } from './isolate-counters.ts'

/** Rows older than this are added up for good. Isolates leave a row well before that (isolate-counters.ts). */
const FOLD_AFTER_MS = HOUR_MS
/** A write that was under way for so long is refused, by D1's own clock: the row may be gone, and would be counted again. */
const WRITABLE_MS = 55 * MINUTE_MS

const WRITE_ROW = `
  INSERT INTO offline_metric_rows (id, started_at, rev, counts)
  SELECT ?1, ?2, ?3, ?4 WHERE ?2 > unixepoch() * 1000 - ${WRITABLE_MS}
  ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, counts = excluded.counts
  WHERE excluded.rev > offline_metric_rows.rev`

/** One row written, whatever was counted. */
export async function writeRow(db: D1Database, { id, startedAtMs, rev, counts }: CounterRow): Promise<void> {
  await db.prepare(WRITE_ROW).bind(id, startedAtMs, rev, JSON.stringify(counts)).run()
}

/** The end of a statement that has `added (series, n)`: adds them to the totals of that id, or writes nothing when there are none. */
export const addToTotals = (id: 'bundles' | 'folded') => `
  INSERT INTO offline_metric_totals (id, counts)
  SELECT '${id}', json_group_object(series, value) FROM (
    SELECT series, SUM(n) AS value FROM (
      SELECT series, n FROM added
      UNION ALL
      SELECT c.key, c.value FROM offline_metric_totals t, json_each(t.counts) c WHERE t.id = '${id}'
    ) GROUP BY series
  ) HAVING EXISTS (SELECT 1 FROM added)
  ON CONFLICT (id) DO UPDATE SET counts = excluded.counts`

const FOLD = `
  WITH added (series, n) AS (
    SELECT c.key, c.value FROM offline_metric_rows r, json_each(r.counts) c WHERE r.started_at < ?1
  ) ${addToTotals('folded')}`

/** Adds old rows to the totals and removes them, in one transaction. */
export async function foldRows(db: D1Database, nowMs: number): Promise<void> {
  const beforeMs = nowMs - FOLD_AFTER_MS
  const remove = 'DELETE FROM offline_metric_rows WHERE started_at < ?1'
  await db.batch([db.prepare(FOLD).bind(beforeMs), db.prepare(remove).bind(beforeMs)])
}

const READ_TOTALS = `
  SELECT c.key AS series, SUM(c.value) AS value
  FROM (SELECT counts FROM offline_metric_totals UNION ALL SELECT counts FROM offline_metric_rows) r, json_each(r.counts) c
  GROUP BY c.key`

const READ_OWED = `
  SELECT COUNT(*) AS devices, COALESCE(SUM(settle), 0) AS settle, COALESCE(SUM(unindexed), 0) AS unindexed,
    COALESCE(SUM(escalations), 0) AS escalations, MIN(oldest_at) AS oldest_at FROM offline_owed`

// The partial index `offline_tx_bundles_unsettled` answers this with its first entry.
const READ_UNSETTLED = `
  SELECT MIN(received_at) AS oldest_at FROM offline_tx_bundles WHERE status IN ('pushed', 'processing')`

/**
 * Everything that `/metrics` shows. Its cost grows with the series and the devices that owe, not with the bundles.
 *
 * @param countries what the Country Objects say of what waits, and of the sweep
 */
export async function readMetrics(
  db: D1Database,
  countries: readonly CountrySummary[],
  nowMs: number,
): Promise<ReadonlyMap<string, number>> {
  const statements = [READ_TOTALS, READ_OWED, READ_UNSETTLED].map((sql) => db.prepare(sql))
  const [totals, owed, unsettled] = (await db.batch(statements)).map(({ results }) => results)
  const values = new Map((totals as { series: string; value: number }[]).map(({ series, value }) => [series, value]))
  const [{ devices, settle, unindexed, escalations, oldest_at: oldestMs }] = owed as [Owed]
  const ageS = (sinceMs: number | null) => (sinceMs === null ? 0 : Math.max(0, nowMs - sinceMs) / 1000)
  values.set('offline_owed{to="reconciler"}', settle)
  values.set('offline_owed{to="read_model"}', unindexed)
  values.set('offline_owed_oldest_age_seconds', ageS(oldestMs))
  values.set('offline_escalations_owed', escalations)
  values.set('offline_devices_owing', devices)
  const oldestIn = (rows: unknown) => ageS((rows as [{ oldest_at: number | null }])[0].oldest_at)
  const least = (times: readonly (number | null)[]) =>
    times.reduce((a, b) => (a === null || (b !== null && b < a) ? b : a), null)
  values.set('offline_bundles_review_oldest_age_seconds', ageS(least(countries.map(({ oldestMs }) => oldestMs))))
  for (const status of WAITING_STATUSES) {
    const count = countries.reduce((sum, { counts }) => sum + (counts[status] ?? 0), 0)
    values.set(series('offline_bundles_waiting', { status }), count)
  }
  const isUnsettled = ([name]: [string, number]) => /^offline_bundles\{.*status="(pushed|processing)"\}$/.test(name)
  const bundlesOwed = [...values].filter(isUnsettled).reduce((sum, [, count]) => sum + count, 0)
  values.set('offline_bundles_owed', bundlesOwed)
  values.set('offline_bundles_owed_oldest_age_seconds', oldestIn(unsettled))
  const swept = countries.flatMap(({ sweptAtMs }) => sweptAtMs ?? [])
  values.set('offline_sweep_age_seconds', ageS(swept.length === 0 ? null : Math.max(...swept)))
  return values
}

export type CountrySummary = WaitingSummary & { readonly sweptAtMs: number | null }

interface Owed {
  readonly devices: number
  readonly settle: number
  readonly unindexed: number
  readonly escalations: number
  readonly oldest_at: number | null
}
