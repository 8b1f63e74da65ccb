import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/**
 * Counters that survive isolates. A series is a metric's name with its labels, as Prometheus writes them.
 *
 * - `offline_metric_totals`: what is added up for good, in one row each: `bundles` (count-bundles.ts), `folded` from old rows below
 * - `offline_metric_rows`: one row an isolate and half hour with its own running totals (isolate-counters.ts)
 * - `offline_owed`: devices that owed something when the sweep last woke them (owed.ts)
 */
export const metricTotals = sqliteTable('offline_metric_totals', {
  id: text('id').$type<'bundles' | 'folded'>().primaryKey(),
  /** Series → count. One row, because D1 bills by rows and nearly every call counts in a dozen series. */
  counts: text('counts', { mode: 'json' }).$type<Record<string, number>>().notNull(),
})

export const metricRows = sqliteTable('offline_metric_rows', {
  id: text('id').primaryKey(),
  startedAt: integer('started_at').notNull(),
  /** Grows with every write of the row: an older write changes nothing. */
  rev: integer('rev').notNull(),
  /** Series → count since the row began. */
  counts: text('counts', { mode: 'json' }).$type<Record<string, number>>().notNull(),
})

export const owed = sqliteTable('offline_owed', {
  deviceId: text('device_id').primaryKey(),
  /** Bundles, facts and resolutions that the reconciler has not confirmed. */
  settle: integer('settle').notNull(),
  /** Rows, audit records among them, that the read model has not said it holds. */
  unindexed: integer('unindexed').notNull(),
  /** Escalations that SIRA has not taken. */
  escalations: integer('escalations').notNull(),
  /** When the oldest of all that became owed. */
  oldestAt: integer('oldest_at'),
  seenAt: integer('seen_at').notNull(),
})
