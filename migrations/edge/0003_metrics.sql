CREATE TABLE `offline_issuer_keys` (
	`jwks_url` text PRIMARY KEY NOT NULL,
	`keys` text NOT NULL,
	`fetched_at` integer NOT NULL,
	`mac` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `offline_metric_rows` (
	`id` text PRIMARY KEY NOT NULL,
	`started_at` integer NOT NULL,
	`rev` integer NOT NULL,
	`counts` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `offline_metric_totals` (
	`series` text PRIMARY KEY NOT NULL,
	`value` real NOT NULL
);
--> statement-breakpoint
CREATE TABLE `offline_owed` (
	`device_id` text PRIMARY KEY NOT NULL,
	`settle` integer NOT NULL,
	`unindexed` integer NOT NULL,
	`escalations` integer NOT NULL,
	`oldest_at` integer,
	`seen_at` integer NOT NULL
);
--> statement-breakpoint
-- Bundles that are there already; from here on the index consumer counts (src/edge/metrics/count-bundles.ts).
INSERT INTO offline_metric_totals (series, value)
SELECT 'offline_bundles_pushed_total{country="' || country || '"}', COUNT(*) FROM offline_tx_bundles GROUP BY country
UNION ALL
SELECT 'offline_bundles{country="' || country || '",status="' || status || '"}', COUNT(*) FROM offline_tx_bundles
GROUP BY country, status;
