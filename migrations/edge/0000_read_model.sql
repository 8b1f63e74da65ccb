CREATE TABLE `offline_audit_logs` (
	`id` text PRIMARY KEY NOT NULL,
	`device_id` text,
	`tenant` text,
	`at` integer NOT NULL,
	`actor` text NOT NULL,
	`action` text NOT NULL,
	`bundle_id` text,
	`request_id` text,
	`detail` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_device` ON `offline_audit_logs` (`device_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_tenant` ON `offline_audit_logs` (`tenant`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_time` ON `offline_audit_logs` (`at`,`id`);--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_bundle` ON `offline_audit_logs` (`bundle_id`,`at`,`id`) WHERE bundle_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_actor` ON `offline_audit_logs` (`actor`,`at`,`id`) WHERE actor NOT IN ('device', 'reconciler');--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_action` ON `offline_audit_logs` (`action`,`at`,`id`) WHERE action NOT IN ('bundle_admitted', 'bundle_settled');--> statement-breakpoint
CREATE TABLE `offline_tx_bundles` (
	`bundle_id` text NOT NULL,
	`device_id` text NOT NULL,
	`country` text NOT NULL,
	`tenant` text NOT NULL,
	`seq` integer NOT NULL,
	`status` text NOT NULL,
	`rev` integer NOT NULL,
	`currency` text NOT NULL,
	`first_counter` integer NOT NULL,
	`last_counter` integer NOT NULL,
	`admitted_count` integer NOT NULL,
	`admitted_amount` integer NOT NULL,
	`policy_version` integer NOT NULL,
	`risk_score` real NOT NULL,
	`risk_reasons` text NOT NULL,
	`received_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`payments` text NOT NULL,
	`digest` blob NOT NULL,
	`admitted_by` text NOT NULL,
	`settlements` text NOT NULL,
	PRIMARY KEY(`bundle_id`, `device_id`)
-- By hand, for drizzle does not know of this: the table is the primary key's own index, which spares a row each push.
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_by_device` ON `offline_tx_bundles` (`device_id`,`received_at`,`bundle_id`);--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_by_country` ON `offline_tx_bundles` (`country`,`received_at`,`bundle_id`,`device_id`);--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_by_tenant` ON `offline_tx_bundles` (`tenant`,`received_at`,`bundle_id`,`device_id`);--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_unsettled` ON `offline_tx_bundles` (`received_at`) WHERE status IN ('pushed', 'processing');--> statement-breakpoint
CREATE TABLE `offline_devices` (
	`device_id` text PRIMARY KEY NOT NULL,
	`tenant` text NOT NULL,
	`country` text NOT NULL,
	`status` text NOT NULL,
	`alg` integer NOT NULL,
	`kid` text NOT NULL,
	`rev` integer NOT NULL,
	`registered_at` integer NOT NULL,
	`owner_wallet_fault` text,
	`rebuilt_at` integer
);
--> statement-breakpoint
CREATE INDEX `offline_devices_by_country` ON `offline_devices` (`country`,`device_id`);--> statement-breakpoint
CREATE TABLE `offline_enrolment_codes` (
	`id` text PRIMARY KEY NOT NULL,
	`device_id` text NOT NULL,
	`code_hash` text NOT NULL,
	`country` text NOT NULL,
	`tenant` text NOT NULL,
	`sealed_wallet` blob NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`created_by` text NOT NULL,
	`mac` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `offline_enrolment_codes_by_device` ON `offline_enrolment_codes` (`device_id`,`id`);--> statement-breakpoint
CREATE TABLE `offline_idempotency_keys` (
	`actor` text NOT NULL,
	`key` text NOT NULL,
	`fingerprint` text NOT NULL,
	`answer` text,
	`at` integer NOT NULL,
	PRIMARY KEY(`actor`, `key`)
);
--> statement-breakpoint
CREATE INDEX `offline_idempotency_keys_by_time` ON `offline_idempotency_keys` (`at`);--> statement-breakpoint
CREATE TABLE `offline_removals` (
	`why` text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE `offline_policies` (
	`country` text NOT NULL,
	`version` integer NOT NULL,
	`signed` blob NOT NULL,
	PRIMARY KEY(`country`, `version`)
);
--> statement-breakpoint
CREATE TABLE `offline_policy_proposals` (
	`id` text PRIMARY KEY NOT NULL,
	`country` text NOT NULL,
	`after_version` integer NOT NULL,
	`based_on` integer NOT NULL,
	`changes` text NOT NULL,
	`effective_at` integer,
	`reason` text NOT NULL,
	`proposed_by` text NOT NULL,
	`proposed_at` integer NOT NULL,
	`mac` text NOT NULL,
	`state` text NOT NULL,
	`decided_by` text,
	`decided_at` integer
);
--> statement-breakpoint
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
	`id` text PRIMARY KEY NOT NULL,
	`counts` text NOT NULL
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
