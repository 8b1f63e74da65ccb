CREATE TABLE `offline_audit_logs` (
	`id` text PRIMARY KEY NOT NULL,
	`device_id` text NOT NULL,
	`at` integer NOT NULL,
	`actor` text NOT NULL,
	`action` text NOT NULL,
	`bundle_id` text,
	`request_id` text,
	`detail` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_device` ON `offline_audit_logs` (`device_id`,`at`);--> statement-breakpoint
CREATE INDEX `offline_audit_logs_by_time` ON `offline_audit_logs` (`at`);--> statement-breakpoint
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
	`bundle` blob NOT NULL,
	`receipt` blob NOT NULL,
	PRIMARY KEY(`bundle_id`, `device_id`)
);
--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_by_device` ON `offline_tx_bundles` (`device_id`,`seq`);--> statement-breakpoint
CREATE INDEX `offline_tx_bundles_by_status` ON `offline_tx_bundles` (`country`,`status`,`received_at`);--> statement-breakpoint
CREATE TABLE `offline_devices` (
	`device_id` text PRIMARY KEY NOT NULL,
	`tenant` text NOT NULL,
	`country` text NOT NULL,
	`status` text NOT NULL,
	`alg` integer NOT NULL,
	`kid` text NOT NULL,
	`rev` integer NOT NULL,
	`registered_at` integer NOT NULL,
	`owner_wallet_unknown` integer DEFAULT false NOT NULL,
	`swept_at` integer
);
--> statement-breakpoint
CREATE INDEX `offline_devices_by_sweep` ON `offline_devices` (`swept_at`);--> statement-breakpoint
CREATE INDEX `offline_devices_by_country` ON `offline_devices` (`country`,`status`);--> statement-breakpoint
CREATE TABLE `offline_policies` (
	`country` text NOT NULL,
	`version` integer NOT NULL,
	`enabled` integer NOT NULL,
	`currency` text NOT NULL,
	`time_zone` text NOT NULL,
	`max_offline_amount` integer NOT NULL,
	`max_offline_per_device_per_day` integer NOT NULL,
	`max_offline_value_per_device_per_day` integer NOT NULL,
	`require_payer_proof_above` integer NOT NULL,
	`require_agent_approval_above` integer NOT NULL,
	`require_manual_review_above` integer NOT NULL,
	`allowed_methods` text NOT NULL,
	`max_bundle_age_hours` integer NOT NULL,
	`max_clock_skew_minutes` integer NOT NULL,
	`max_relay_hours` integer NOT NULL,
	`accept_below_score` real NOT NULL,
	`quarantine_above_score` real NOT NULL,
	`max_days_since_sync` integer NOT NULL,
	`effective_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL,
	PRIMARY KEY(`country`, `version`)
);
