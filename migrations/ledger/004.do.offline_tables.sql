-- What the reconciler knows of devices, bundles and payments. Times are UTC.

-- What the ledger says of a wallet to devices of a tenant: it has an account of theirs, none, or another tenant's. To a
-- device a system account is as good as none.
CREATE FUNCTION offline_wallet_state(p_wallet text, p_tenant text) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT CASE WHEN h.tenant = p_tenant THEN 'known' ELSE 'foreign' END
                   FROM wallet_core.accounts a JOIN wallet_core.account_holders h USING (account_id)
                   WHERE a.wallet_id = p_wallet), 'unknown')
$$;

-- The registry: the edge's device events, kept so that a signature is verified with keys that the edge cannot swap
-- silently. The row is the newest revision.
CREATE TABLE offline_devices (
  device_id    text PRIMARY KEY CHECK (device_id ~ '^[A-Za-z0-9._-]{1,64}$' AND device_id NOT IN ('.', '..')),
  rev          bigint NOT NULL CHECK (rev > 0),
  tenant       text NOT NULL,
  country      text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  owner_wallet text NOT NULL,
  status       text NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
  kid          bytea NOT NULL CHECK (octet_length(kid) = 8),
  alg          int NOT NULL,
  -- The earliest time that its facts named; how long it is known.
  registered_at timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  -- What the ledger says of the owner's wallet, as it was last told to the edge.
  wallet_state text NOT NULL CHECK (wallet_state IN ('known', 'unknown', 'foreign'))
);
-- Whose word a wallet is asked for.
CREATE INDEX offline_devices_by_wallet ON offline_devices (owner_wallet);
CREATE INDEX offline_devices_without_wallet ON offline_devices (device_id) WHERE wallet_state = 'unknown';

-- Every key that a device ever had: a bundle admitted before a rotation is verified with the key of its time.
CREATE TABLE offline_device_keys (
  device_id  text NOT NULL,
  kid        bytea NOT NULL CHECK (octet_length(kid) = 8),
  alg        int NOT NULL,
  public_key bytea NOT NULL,
  since_rev  bigint NOT NULL,
  -- The strongest that was ever said of it, in this order; messages come in any.
  state      text NOT NULL CHECK (state IN ('active', 'replaced', 'revoked')),
  -- When that was first said, by the edge's clock.
  state_at   timestamptz NOT NULL,
  PRIMARY KEY (device_id, kid)
);

-- The edge's signed word about a device, each revision as it came first: what the registry says is proven by it, whoever
-- wrote its rows.
CREATE TABLE offline_device_messages (
  device_id   text NOT NULL,
  rev         bigint NOT NULL,
  message     bytea NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (device_id, rev)
);
CREATE TRIGGER offline_device_messages_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_device_messages
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();

CREATE FUNCTION offline_key_strength(p_state text) RETURNS int
LANGUAGE sql IMMUTABLE AS $$ SELECT array_position(ARRAY['active', 'replaced', 'revoked'], p_state) $$;

CREATE FUNCTION offline_keep_key_state() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF offline_key_strength(new.state) < offline_key_strength(old.state) THEN
    RAISE EXCEPTION 'a key that is % is not % again', old.state, new.state USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER offline_device_keys_state BEFORE UPDATE ON offline_device_keys
  FOR EACH ROW EXECUTE FUNCTION offline_keep_key_state();

-- What whoever records has read in a bundle: one payment, and what the edge's receipt says of it.
CREATE TYPE offline_signed_payment AS (
  counter      bigint,
  -- SHA-256 over the payment's content.
  content_hash bytea,
  type         text,
  method       text,
  amount_minor bigint,
  currency     text,
  sender       text,
  receiver     text,
  merchant_id  text,
  initiated_at timestamptz,
  decision     text,
  -- Of a refund: the payment that it gives back.
  refund_of_device_id text,
  refund_of_counter   bigint
);

-- The signed bytes, recorded before anything of them is settled: evidence, and what a posting needs. Written by one login,
-- settled by another: a payment is posted only as both say it (offline_record_transactions).
CREATE TABLE offline_signed_bundles (
  device_id   text NOT NULL,
  -- ULID, 26 characters.
  bundle_id   text NOT NULL CHECK (length(bundle_id) = 26),
  -- SHA-256 over what the device signed: the same id with another digest is a conflict.
  digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
  bundle      bytea NOT NULL,
  receipt     bytea NOT NULL,
  -- In the order of their counters, without the voided.
  payments    offline_signed_payment[] NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (device_id, bundle_id)
);
CREATE TRIGGER offline_signed_bundles_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_signed_bundles
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();

-- A bundle that is settled.
CREATE TABLE offline_tx_bundles (
  device_id      text NOT NULL,
  -- ULID, 26 characters.
  bundle_id      text NOT NULL CHECK (length(bundle_id) = 26),
  seq            bigint NOT NULL CHECK (seq > 0),
  digest         bytea NOT NULL CHECK (octet_length(digest) = 32),
  country        text NOT NULL,
  policy_version int NOT NULL,
  status         text NOT NULL CHECK (status IN ('pushed', 'processing', 'accepted', 'partially_accepted', 'rejected',
                                                 'failed', 'review', 'quarantined', 'claimed')),
  -- Grows whenever a payment of the bundle changes its status.
  rev            int NOT NULL DEFAULT 1 CHECK (rev > 0),
  signed_at      timestamptz NOT NULL,
  -- By the edge, as its receipt says.
  received_at    timestamptz NOT NULL,
  settled_at     timestamptz NOT NULL,
  first_counter  bigint NOT NULL,
  last_counter   bigint NOT NULL CHECK (last_counter >= first_counter),
  -- What it was scored here before posting: score, reasons, by whom; null when nothing of it could be posted.
  risk           jsonb,
  PRIMARY KEY (device_id, bundle_id)
);
CREATE INDEX offline_tx_bundles_by_receipt ON offline_tx_bundles (country, received_at);

-- One row for each payment, for ever: what came first under (device_id, counter) is the payment.
CREATE TABLE offline_transactions (
  device_id    text NOT NULL,
  counter      bigint NOT NULL CHECK (counter > 0),
  bundle_id    text NOT NULL,
  -- SHA-256 over the payment's content.
  content_hash bytea NOT NULL CHECK (octet_length(content_hash) = 32),
  type         text NOT NULL CHECK (type IN ('p2p', 'merchant', 'cashin', 'cashout', 'agent', 'refund')),
  method       text NOT NULL CHECK (method IN ('wallet', 'qr', 'ussd')),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  sender       text NOT NULL,
  receiver     text NOT NULL,
  merchant_id  text,
  initiated_at timestamptz NOT NULL,
  status       text NOT NULL CHECK (status IN ('succeeded', 'failed', 'refused', 'review', 'quarantined', 'reversed',
                                               'claimed')),
  reason       text,
  -- Whether the debited wallet's owner authorised it when it was recorded: what people approve later is not posted without.
  payer_proven boolean NOT NULL,
  -- Whether it needs no agent's approval, or has one that holds, likewise.
  agent_proven boolean NOT NULL,
  -- Until when the holder of the debited wallet may confirm it: of a payment that came without the holder's word, and of no
  -- other. Then it is a claim, and its payer is proven by a confirmation alone.
  claim_until  timestamptz,
  -- By the rule in force when the edge admitted it, so that a later rule changes nothing.
  fee_minor    bigint NOT NULL CHECK (fee_minor >= 0),
  fee_bearer   text CHECK (fee_bearer IN ('payer', 'payee')),
  -- 0–1, by whoever scored its bundle.
  risk_score   double precision CHECK (risk_score BETWEEN 0 AND 1),
  transfer_id  uuid,
  -- What gave the money back.
  reversal_transfer_id uuid,
  -- Of a refund: the payment that it gives back, whole or in part, by the device that took it (017.do.refunds.sql).
  refund_of_device_id  text,
  refund_of_counter    bigint CHECK (refund_of_counter > 0),
  status_at    timestamptz NOT NULL,
  PRIMARY KEY (device_id, counter),
  CONSTRAINT transactions_posted CHECK ((transfer_id IS NOT NULL) = (status IN ('succeeded', 'reversed'))),
  CONSTRAINT transactions_reversed CHECK ((reversal_transfer_id IS NOT NULL) = (status = 'reversed')),
  CONSTRAINT transactions_authorised CHECK (payer_proven OR status NOT IN ('succeeded', 'reversed')),
  CONSTRAINT transactions_approved CHECK (agent_proven OR status NOT IN ('succeeded', 'reversed', 'claimed')),
  CONSTRAINT transactions_claimed CHECK (status <> 'claimed' OR claim_until IS NOT NULL AND NOT payer_proven),
  CONSTRAINT transactions_fee CHECK ((fee_bearer IS NOT NULL) = (fee_minor > 0)),
  CONSTRAINT transactions_explained CHECK (reason IS NOT NULL OR status <> 'failed'),
  CONSTRAINT transactions_refund CHECK (num_nonnulls(refund_of_device_id, refund_of_counter) = CASE type WHEN 'refund' THEN 2 ELSE 0 END),
  -- It is the word of the wallet that gives, and costs nobody a fee.
  CONSTRAINT transactions_refund_word CHECK (type <> 'refund' OR claim_until IS NULL AND fee_minor = 0)
);
CREATE INDEX offline_transactions_by_bundle ON offline_transactions (device_id, bundle_id);
CREATE INDEX offline_transactions_waiting ON offline_transactions (status, status_at)
  WHERE status IN ('review', 'quarantined');
CREATE INDEX offline_transactions_claims ON offline_transactions (sender, claim_until) WHERE status = 'claimed';
CREATE INDEX offline_transactions_claims_ending ON offline_transactions (claim_until) WHERE status = 'claimed';
CREATE INDEX offline_transactions_refunds ON offline_transactions (refund_of_device_id, refund_of_counter) WHERE type = 'refund';
-- What a payer has paid of late, on whatever device.
CREATE INDEX offline_transactions_by_sender ON offline_transactions (sender, initiated_at);
CREATE INDEX offline_transactions_unfunded ON offline_transactions (status_at)
  WHERE status = 'failed' AND reason IN ('insufficient_funds', 'allowance_shortfall');

-- The same (device_id, counter) in a further bundle. Never posted; the bundle is kept beside the first one.
CREATE TABLE offline_tx_copies (
  device_id    text NOT NULL,
  counter      bigint NOT NULL,
  bundle_id    text NOT NULL,
  content_hash bytea NOT NULL CHECK (octet_length(content_hash) = 32),
  recorded_at  timestamptz NOT NULL,
  PRIMARY KEY (device_id, counter, bundle_id)
);

-- Numbers that a device says it gave to no payment (`[null]` in its bundle).
CREATE TABLE offline_tx_voids (
  device_id   text NOT NULL,
  counter     bigint NOT NULL CHECK (counter > 0),
  bundle_id   text NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (device_id, counter, bundle_id)
);

-- One identity with two contents: both bundles are signed by the device, and both are kept. A view, because the copy
-- may arrive before the payment.
CREATE VIEW offline_conflicts AS
  SELECT c.device_id, c.counter, t.bundle_id AS first_bundle_id, c.bundle_id AS other_bundle_id,
         t.content_hash AS first_hash, c.content_hash AS other_hash, c.recorded_at
  FROM offline_tx_copies c JOIN offline_transactions t USING (device_id, counter)
  WHERE c.content_hash <> t.content_hash
  UNION ALL
  -- A payment, and in another bundle the word that there was none; which of the two came first does not matter.
  SELECT v.device_id, v.counter, p.bundle_id, v.bundle_id, p.content_hash, NULL, v.recorded_at
  FROM offline_tx_voids v
  CROSS JOIN LATERAL (
    SELECT bundle_id, content_hash FROM offline_transactions WHERE device_id = v.device_id AND counter = v.counter
    UNION ALL
    SELECT bundle_id, content_hash FROM offline_tx_copies c
    WHERE device_id = v.device_id AND counter = v.counter
      AND NOT EXISTS (SELECT FROM offline_transactions WHERE device_id = c.device_id AND counter = c.counter)) p;

-- One payment on two devices, as it seems: the same wallets and amount within a minute, and both count.
CREATE VIEW offline_twin_payments AS
  SELECT a.device_id, a.counter, b.device_id AS other_device_id, b.counter AS other_counter, a.initiated_at,
         a.amount_minor, a.currency, a.status, b.status AS other_status
  FROM offline_transactions a
  JOIN offline_transactions b
    ON b.sender = a.sender AND b.initiated_at BETWEEN a.initiated_at - interval '1 minute'
                                                  AND a.initiated_at + interval '1 minute'
   AND b.device_id > a.device_id AND b.receiver = a.receiver AND b.amount_minor = a.amount_minor
   AND b.currency = a.currency
  WHERE a.status NOT IN ('refused', 'failed', 'reversed') AND b.status NOT IN ('refused', 'failed', 'reversed');

-- A payer's device answers a request of a taker for one payment.
CREATE TABLE offline_payer_authorizations (
  payer_device_id text NOT NULL,
  request_id      bytea NOT NULL CHECK (octet_length(request_id) = 16),
  device_id       text NOT NULL,
  counter         bigint NOT NULL,
  -- The wallet that the payment debits, and when the payment used the signature up.
  wallet          text NOT NULL,
  used_at         timestamptz NOT NULL,
  PRIMARY KEY (payer_device_id, request_id)
);
CREATE INDEX offline_payer_authorizations_of_payment ON offline_payer_authorizations (device_id, counter);
-- The newest of them, of which the holder is told (019.do.debits.sql).
CREATE INDEX offline_payer_authorizations_newest ON offline_payer_authorizations (wallet, used_at);

-- A taker's request is good for one payment, whichever agent approved it. The request is the taker's own: nobody else can use it up.
CREATE TABLE offline_agent_approvals (
  device_id       text NOT NULL,
  request_id      bytea NOT NULL CHECK (octet_length(request_id) = 16),
  agent_device_id text NOT NULL CHECK (agent_device_id <> device_id),
  counter         bigint NOT NULL,
  PRIMARY KEY (device_id, request_id)
);
CREATE INDEX offline_agent_approvals_of_payment ON offline_agent_approvals (device_id, counter);

-- The reconciler's inbox: a message of the settle queue is here before it is acknowledged there.
CREATE TABLE offline_sync_queue (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- The same message again has the same key.
  dedup_key     text NOT NULL UNIQUE,
  kind          text NOT NULL CHECK (kind IN ('bundle', 'device', 'review', 'reversal', 'claim_answer', 'mandate', 'allowance_order',
                                                'unreadable')),
  device_id     text,
  -- Of a bundle.
  bundle_id     text,
  -- Until it is done: then its content is where it belongs, and here only its key is kept for some time, against
  -- repetitions.
  body          bytea,
  -- parked: goes on only when a person releases it. let_go: nobody did for 30 days, and its bytes are gone.
  status        text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'done', 'parked', 'let_go')),
  parked_at     timestamptz,
  -- SHA-256 of the bytes that were let go.
  digest        bytea,
  -- What a pending message waits for, when it is not a failure.
  waiting_for   text CHECK (waiting_for IN ('device', 'policy', 'payer_device', 'refunded_payment', 'settlement')),
  waiting_since timestamptz,
  -- The devices that it waits for; it is due again when one of them is recorded.
  waiting_on    text[],
  -- How often it was taken, but for what ended in waiting: the pauses grow with it.
  attempts      int NOT NULL DEFAULT 0,
  -- How often it failed by itself, and not because of the database: too often, and it is parked.
  failures      int NOT NULL DEFAULT 0,
  -- A claim moves it past the lease, so that a message whose worker died comes up again.
  next_retry_at timestamptz NOT NULL,
  last_error    text,
  received_at   timestamptz NOT NULL,
  done_at       timestamptz,
  -- When it was fetched from the queue's dead letters: nobody had acknowledged it in time there. It is then a message like
  -- any other, also one that was here already.
  dead_lettered_at timestamptz,
  CONSTRAINT sync_queue_waiting CHECK (waiting_for IS NULL OR (waiting_since IS NOT NULL AND status = 'pending')),
  CONSTRAINT sync_queue_done CHECK ((done_at IS NOT NULL) = (status = 'done')),
  CONSTRAINT sync_queue_parked CHECK ((parked_at IS NOT NULL) = (status IN ('parked', 'let_go'))),
  CONSTRAINT sync_queue_digest CHECK ((digest IS NOT NULL) = (status = 'let_go')),
  CONSTRAINT sync_queue_body CHECK ((body IS NULL) = (status IN ('done', 'let_go')))
);
CREATE INDEX offline_sync_queue_due ON offline_sync_queue (next_retry_at, id) WHERE status = 'pending';
CREATE INDEX offline_sync_queue_bundles ON offline_sync_queue (device_id, bundle_id) WHERE kind = 'bundle' AND status <> 'done';
CREATE INDEX offline_sync_queue_waiting ON offline_sync_queue USING gin (waiting_on) WHERE waiting_for IS NOT NULL;
CREATE INDEX offline_sync_queue_parked ON offline_sync_queue (id) WHERE status = 'parked';
CREATE INDEX offline_sync_queue_let_go ON offline_sync_queue (id) WHERE status = 'let_go';
CREATE INDEX offline_sync_queue_dead_lettered ON offline_sync_queue (id) WHERE dead_lettered_at IS NOT NULL;
CREATE INDEX offline_sync_queue_done ON offline_sync_queue (done_at) WHERE status = 'done';

-- What the edge has to be told: a pointer, not the message. The message is made when it is sent, so it says what holds
-- then, and sending it again is always right. Undelivered while version is ahead.
CREATE TABLE offline_outbox (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device_id         text NOT NULL,
  -- A bundle; or a resolution of people, or a holder's answer, that is recorded; or what is claimed from the owner's wallet; or its allowance;
  -- or nothing of these: the device's own facts.
  bundle_id         text,
  seq               bigint,
  resolution_rev    bigint,
  answer_rev        bigint,
  about_claims      boolean,
  about_allowance   boolean,
  version           int NOT NULL DEFAULT 1,
  delivered_version int NOT NULL DEFAULT 0,
  attempts          int NOT NULL DEFAULT 0,
  next_attempt_at   timestamptz NOT NULL,
  last_error        text,
  -- Since when the edge does not know the newest: what is due moves with each attempt, this does not. By the database's
  -- clock.
  undelivered_since timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT outbox_once UNIQUE NULLS NOT DISTINCT (device_id, bundle_id, resolution_rev, answer_rev, about_claims, about_allowance),
  CONSTRAINT outbox_subject CHECK ((bundle_id IS NULL) = (seq IS NULL)
                                   AND num_nonnulls(bundle_id, resolution_rev, answer_rev, about_claims, about_allowance) <= 1),
  CONSTRAINT outbox_delivered CHECK (delivered_version <= version)
);
CREATE INDEX offline_outbox_due ON offline_outbox (next_attempt_at, id) WHERE delivered_version < version;
CREATE INDEX offline_outbox_by_device ON offline_outbox (device_id, id) WHERE delivered_version < version;

CREATE FUNCTION offline_outbox_grew() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  new.undelivered_since := now();
  RETURN new;
END $$;
CREATE TRIGGER offline_outbox_age BEFORE UPDATE ON offline_outbox
  FOR EACH ROW WHEN (old.delivered_version = old.version AND new.version > old.version)
  EXECUTE FUNCTION offline_outbox_grew();

-- Payments that count towards a device's daily limits. The day is the policy's calendar day of initiated_at.
CREATE TABLE offline_device_activity (
  device_id   text NOT NULL,
  day         date NOT NULL,
  currency    text NOT NULL,
  count       int NOT NULL CHECK (count >= 0),
  value_minor bigint NOT NULL CHECK (value_minor >= 0),
  PRIMARY KEY (device_id, day, currency)
);

GRANT SELECT ON offline_devices, offline_device_keys, offline_device_messages, offline_signed_bundles, offline_tx_bundles,
  offline_transactions, offline_tx_copies, offline_tx_voids, offline_conflicts, offline_twin_payments,
  offline_payer_authorizations, offline_agent_approvals, offline_sync_queue, offline_outbox, offline_device_activity
  TO molam_record, molam_settle, molam_read;
-- What came.
GRANT INSERT, UPDATE ON offline_devices TO molam_record;
GRANT INSERT, UPDATE (state, state_at) ON offline_device_keys TO molam_record;
GRANT INSERT ON offline_device_messages, offline_signed_bundles TO molam_record;
GRANT INSERT, UPDATE (status, waiting_for, waiting_since, waiting_on, attempts, failures, next_retry_at, last_error, done_at, body,
                      dead_lettered_at, parked_at)
  ON offline_sync_queue TO molam_record;
-- What becomes of it. A message's end is written in the transaction that posts it.
GRANT INSERT ON offline_tx_voids TO molam_settle;
GRANT INSERT, UPDATE (status, rev, settled_at) ON offline_tx_bundles TO molam_settle;
GRANT UPDATE (status, waiting_for, waiting_since, waiting_on, last_error, done_at, body, parked_at) ON offline_sync_queue TO molam_settle;

-- A message is kept as it came, or dropped when it is done.
CREATE TRIGGER offline_sync_queue_body BEFORE UPDATE OF body ON offline_sync_queue FOR EACH ROW
  WHEN (new.body IS NOT NULL AND new.body IS DISTINCT FROM old.body)
  EXECUTE FUNCTION wallet_core.refuse_change();

-- Until commit nobody else records or settles anything of these devices. In order, so that two cannot deadlock. A function,
-- because whoever settles may not write the registry. Returns how many of them are registered.
CREATE FUNCTION offline_lock_devices(p_device_id text[]) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT count(*)::int
  FROM (SELECT FROM offline_devices WHERE device_id = ANY (p_device_id)
        ORDER BY device_id COLLATE "C" FOR NO KEY UPDATE) d
$$;
REVOKE ALL ON FUNCTION offline_lock_devices FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_lock_devices TO molam_record, molam_settle;

-- The application may not delete from the inbox. This deletes what is done and old, and nothing else.
CREATE FUNCTION offline_prune_inbox(p_done_before timestamptz, p_max int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  v_pruned int;
BEGIN
  DELETE FROM offline_sync_queue WHERE id IN (
    SELECT id FROM offline_sync_queue
    -- Whatever the caller's clock says, by the database's own nothing of today.
    WHERE status = 'done' AND done_at < least(p_done_before, now() - interval '1 day')
    ORDER BY done_at LIMIT p_max FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS v_pruned = ROW_COUNT;
  RETURN v_pruned;
END $$;
REVOKE ALL ON FUNCTION offline_prune_inbox FROM PUBLIC;

-- The application may let no parked message go by itself. This does, when it was parked for 30 days by the database's own clock.
-- Its key is free again: what its sender still owes comes once more, and has its time anew.
CREATE FUNCTION offline_let_parked_go(p_parked_before timestamptz, p_max int)
RETURNS TABLE (id bigint, kind text, device_id text, fault text, digest bytea)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE offline_sync_queue q SET status = 'let_go', digest = sha256(q.body), body = NULL,
    dedup_key = 'let_go/' || q.id || '/' || q.dedup_key
  WHERE q.id IN (
    SELECT p.id FROM offline_sync_queue p
    WHERE p.status = 'parked' AND p.parked_at < least(p_parked_before, now() - interval '30 days')
    ORDER BY p.id LIMIT p_max FOR UPDATE SKIP LOCKED)
  RETURNING q.id, q.kind, q.device_id, q.last_error, q.digest
$$;
REVOKE ALL ON FUNCTION offline_let_parked_go FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_let_parked_go TO molam_record;
GRANT EXECUTE ON FUNCTION offline_prune_inbox TO molam_record;
GRANT INSERT, UPDATE (version, delivered_version, attempts, next_attempt_at, last_error)
  ON offline_outbox TO molam_record;
GRANT INSERT, UPDATE (version, next_attempt_at) ON offline_outbox TO molam_settle;
