CREATE TRIGGER offline_policies_no_update BEFORE UPDATE ON offline_policies
BEGIN SELECT RAISE(ABORT, 'policies are versioned, never changed'); END;
--> statement-breakpoint
-- But for rows that are no versions of ours, in a transaction that says so (src/edge/store/policies.ts).
CREATE TRIGGER offline_policies_no_delete BEFORE DELETE ON offline_policies
WHEN NOT EXISTS (SELECT 1 FROM offline_removals)
BEGIN SELECT RAISE(ABORT, 'policies are versioned, never deleted'); END;
--> statement-breakpoint
-- REPLACE deletes the row that is in its way without asking the trigger above. The words are the primary key's own.
CREATE TRIGGER offline_policies_no_replace BEFORE INSERT ON offline_policies
WHEN EXISTS (SELECT 1 FROM offline_policies WHERE country = NEW.country AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: policies are versioned, never replaced'); END;
--> statement-breakpoint
CREATE TRIGGER offline_policy_proposals_no_delete BEFORE DELETE ON offline_policy_proposals
WHEN NOT EXISTS (SELECT 1 FROM offline_removals)
BEGIN SELECT RAISE(ABORT, 'proposals are decided, never deleted'); END;
--> statement-breakpoint
-- Two people at once: the second is told that the place is taken, in the words of a key that is there already.
CREATE TRIGGER offline_policy_proposals_decided_once BEFORE UPDATE ON offline_policy_proposals
WHEN OLD.state <> 'open'
BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: a proposal is decided once'); END;
--> statement-breakpoint
CREATE TRIGGER offline_audit_logs_no_update BEFORE UPDATE ON offline_audit_logs
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
--> statement-breakpoint
-- Rows may go in a transaction that says why (src/edge/store/rebuild.ts, src/edge/store/retention.ts).
CREATE TRIGGER offline_audit_logs_no_delete BEFORE DELETE ON offline_audit_logs
WHEN NOT EXISTS (SELECT 1 FROM offline_removals)
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
--> statement-breakpoint
-- A record that is there stays, whatever comes again under its id: REPLACE would delete it without asking the trigger above.
CREATE TRIGGER offline_audit_logs_no_replace BEFORE INSERT ON offline_audit_logs
WHEN EXISTS (SELECT 1 FROM offline_audit_logs WHERE id = NEW.id)
BEGIN SELECT RAISE(IGNORE); END;
--> statement-breakpoint
-- A bundle's row is the audit record of its admission and its settlements (src/edge/store/bundle-audit.ts).
CREATE TRIGGER offline_tx_bundles_no_delete BEFORE DELETE ON offline_tx_bundles
WHEN NOT EXISTS (SELECT 1 FROM offline_removals)
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
--> statement-breakpoint
CREATE TRIGGER offline_tx_bundles_no_update
BEFORE UPDATE OF bundle_id, device_id, country, tenant, seq, admitted_count, received_at, digest, admitted_by
ON offline_tx_bundles
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
--> statement-breakpoint
-- A list is continued: without its last bracket, the older one begins the newer.
CREATE TRIGGER offline_tx_bundles_append BEFORE UPDATE OF settlements ON offline_tx_bundles
WHEN substr(NEW.settlements, 1, length(OLD.settlements) - 1) <> substr(OLD.settlements, 1, length(OLD.settlements) - 1)
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
--> statement-breakpoint
-- REPLACE deletes the row that is in its way without asking the triggers above. A row comes again as it was, or continued.
CREATE TRIGGER offline_tx_bundles_no_replace BEFORE INSERT ON offline_tx_bundles
WHEN EXISTS (SELECT 1 FROM offline_tx_bundles b WHERE b.bundle_id = NEW.bundle_id AND b.device_id = NEW.device_id
  AND (b.tenant <> NEW.tenant OR b.country <> NEW.country OR b.seq <> NEW.seq OR b.received_at <> NEW.received_at
    OR b.admitted_count <> NEW.admitted_count OR b.admitted_by <> NEW.admitted_by
    OR b.digest <> NEW.digest
    OR (b.rev < NEW.rev AND substr(NEW.settlements, 1, length(b.settlements) - 1) <> substr(b.settlements, 1, length(b.settlements) - 1))))
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
--> statement-breakpoint
CREATE TRIGGER offline_tx_bundles_no_older BEFORE INSERT ON offline_tx_bundles
WHEN EXISTS (SELECT 1 FROM offline_tx_bundles b WHERE b.bundle_id = NEW.bundle_id AND b.device_id = NEW.device_id
  AND b.rev >= NEW.rev)
BEGIN SELECT RAISE(IGNORE); END;
