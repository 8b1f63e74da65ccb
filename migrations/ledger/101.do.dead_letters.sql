-- When a message was fetched from the queue's dead letters: nobody had acknowledged it in time there. It is then a message
-- like any other, also one that was here already.
ALTER TABLE offline_sync_queue ADD COLUMN dead_lettered_at timestamptz;
CREATE INDEX offline_sync_queue_dead_lettered ON offline_sync_queue (id) WHERE dead_lettered_at IS NOT NULL;
GRANT UPDATE (dead_lettered_at) ON offline_sync_queue TO molam_reconciler;
