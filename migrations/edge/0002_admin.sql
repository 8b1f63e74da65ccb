CREATE TABLE `offline_enrolment_codes` (
	`id` text PRIMARY KEY NOT NULL,
	`device_id` text NOT NULL,
	`code_hash` text NOT NULL,
	`country` text NOT NULL,
	`tenant` text NOT NULL,
	`sealed_wallet` blob NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`created_by` text NOT NULL
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
DROP INDEX `offline_tx_bundles_by_status`;--> statement-breakpoint
DROP INDEX `offline_tx_bundles_by_device`;--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_by_country` ON `offline_tx_bundles` (`country`,`received_at`,`bundle_id`,`device_id`);--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_by_tenant` ON `offline_tx_bundles` (`tenant`,`received_at`,`bundle_id`,`device_id`);--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_by_time` ON `offline_tx_bundles` (`received_at`,`bundle_id`,`device_id`);--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_unsettled` ON `offline_tx_bundles` (`received_at`) WHERE status IN ('pushed', 'processing');--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_waiting` ON `offline_tx_bundles` (`received_at`,`bundle_id`,`device_id`) WHERE status IN ('review', 'quarantined');--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_by_device` ON `offline_tx_bundles` (`device_id`,`received_at`,`bundle_id`);--> statement-breakpoint
CREATE TABLE `__new_offline_audit_logs` (
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
INSERT INTO `__new_offline_audit_logs`
SELECT a.`id`, a.`device_id`, d.`tenant`, a.`at`, a.`actor`, a.`action`, a.`bundle_id`, a.`request_id`, a.`detail`
FROM `offline_audit_logs` a LEFT JOIN `offline_devices` d USING (`device_id`);
--> statement-breakpoint
DROP TABLE `offline_audit_logs`;--> statement-breakpoint
ALTER TABLE `__new_offline_audit_logs` RENAME TO `offline_audit_logs`;--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_device` ON `offline_audit_logs` (`device_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_tenant` ON `offline_audit_logs` (`tenant`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_time` ON `offline_audit_logs` (`at`,`id`);--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_bundle` ON `offline_audit_logs` (`bundle_id`,`at`,`id`) WHERE bundle_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_actor` ON `offline_audit_logs` (`actor`,`at`,`id`) WHERE actor NOT IN ('device', 'reconciler');--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_action` ON `offline_audit_logs` (`action`,`at`,`id`) WHERE action NOT IN ('bundle_admitted', 'bundle_settled');--> statement-breakpoint
DROP INDEX `offline_devices_by_country`;--> statement-breakpoint
CREATE INDEX `offline_devices_by_tenant` ON `offline_devices` (`tenant`,`device_id`);--> statement-breakpoint
CREATE INDEX `offline_devices_by_status` ON `offline_devices` (`status`,`device_id`);--> statement-breakpoint
CREATE INDEX `offline_devices_by_country` ON `offline_devices` (`country`,`device_id`);--> statement-breakpoint
ALTER TABLE `offline_policies` ADD `review_two_people_above` integer DEFAULT 50000 NOT NULL;
--> statement-breakpoint
-- The table was made anew, and its triggers went with the old one.
CREATE TRIGGER offline_audit_logs_no_update BEFORE UPDATE ON offline_audit_logs
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
--> statement-breakpoint
CREATE TRIGGER offline_audit_logs_no_delete BEFORE DELETE ON offline_audit_logs
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
--> statement-breakpoint
-- A record that is there stays, whatever comes again under its id: REPLACE would delete it without asking the trigger above.
CREATE TRIGGER offline_audit_logs_no_replace BEFORE INSERT ON offline_audit_logs
WHEN EXISTS (SELECT 1 FROM offline_audit_logs WHERE id = NEW.id)
BEGIN SELECT RAISE(IGNORE); END;
