-- Resolutions of people about payments, and what ended without them, as the edge tells them: one row for each payment that a resolution names. The row
-- is kept before the resolution is carried out, so that it may come before its bundle.
CREATE TABLE offline_resolutions (
  device_id    text NOT NULL,
  -- Number of the resolution on its device; a later resolution has a higher number.
  rev          bigint NOT NULL CHECK (rev > 0),
  counter      bigint NOT NULL CHECK (counter > 0),
  bundle_id    text NOT NULL,
  -- `expire`: nobody decided in time. `revoke`: the device was revoked, and with it what waited.
  choice       text NOT NULL CHECK (choice IN ('approve', 'reject', 'expire', 'revoke', 'reverse')),
  -- Why a payment was reversed.
  reason       text CHECK (reason IN ('wrong_account', 'duplicate', 'fraud', 'service_not_rendered', 'wrong_amount')),
  actors       text[] NOT NULL CHECK (cardinality(actors) > 0),
  -- SHA-256 of the message: the same number with another content is a conflict.
  content_hash bytea NOT NULL CHECK (octet_length(content_hash) = 32),
  -- As the edge signed it: what it says is proven by it, whoever wrote the row.
  message      bytea NOT NULL,
  decided_at   timestamptz NOT NULL,
  recorded_at  timestamptz NOT NULL,
  -- Null while the resolution is open. Only `applied` changed anything; everything else is for a person to see.
  result       text CHECK (result IN ('applied', 'superseded', 'not_waiting', 'not_reversible', 'too_late', 'unknown_payment')),
  closed_at    timestamptz,
  -- Of a reversal that the receiver's wallet cannot pay, and after faults: when it is tried again.
  attempts     int NOT NULL DEFAULT 0,
  -- Null: at once.
  retry_at     timestamptz,
  last_error   text,
  -- Of one that a single person made: in which of the person's days (UTC) its payment is counted; null until it is let through.
  alone_on     date,
  -- When it first was not let through, because the day's sum of that person was used up.
  withheld_at  timestamptz,
  PRIMARY KEY (device_id, rev, counter),
  CONSTRAINT resolutions_closed CHECK ((result IS NULL) = (closed_at IS NULL)),
  CONSTRAINT resolutions_reversed CHECK ((reason IS NOT NULL) = (choice = 'reverse'))
);
CREATE INDEX offline_resolutions_open ON offline_resolutions (device_id) WHERE result IS NULL;
CREATE INDEX offline_resolutions_alone ON offline_resolutions ((actors[1]), alone_on) WHERE alone_on IS NOT NULL;
CREATE INDEX offline_resolutions_without_effect ON offline_resolutions (closed_at) WHERE result <> 'applied';

-- What is due further away than the longest pause was put off by a clock that was wrong, and is due now.
CREATE FUNCTION offline_resolution_is_due(p_choice text, p_retry_at timestamptz, p_at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT p_retry_at IS NULL OR p_retry_at <= p_at
      OR p_retry_at > p_at + CASE p_choice WHEN 'reverse' THEN interval '1 day' ELSE interval '10 minutes' END
$$;

-- When people decided, as far as it is believed: what was under way for more than a week, or comes out of the future, was decided
-- when it came. Otherwise whoever dates resolutions could choose the day, or make an old payment a young one.
CREATE FUNCTION offline_decided_at(p_decided_at timestamptz, p_recorded_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_decided_at BETWEEN p_recorded_at - interval '7 days' AND p_recorded_at + interval '1 hour'
              THEN p_decided_at ELSE p_recorded_at END
$$;

-- Whether an answer to this claim is recorded and not carried out yet (013.do.claims.sql). One that is recorded after the revocation of
-- the claim's device is closed at once, so it was there before.
CREATE FUNCTION offline_has_open_answer(p_device_id text, p_counter bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM offline_claim_answers
                 WHERE device_id = p_device_id AND counter = p_counter AND result IS NULL);
END $$;

-- Whether a payment that could be refunded waits for people or for its payer. A refund is none: two of them must not wait for each other.
CREATE FUNCTION offline_payment_waits(p_device_id text, p_counter bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM offline_transactions
                 WHERE device_id = p_device_id AND counter = p_counter AND type <> 'refund'
                   AND status IN ('review', 'quarantined', 'claimed'))
$$;

-- Open resolutions and what each waits for: its bundle; for a reversal the review of its payment, and then the money; a second
-- person, where one alone has decided about too much; for the end of a claim with its device, the answer of its payer that was
-- recorded before it; for the approval of a refund, that its payment waits no more; nothing.
CREATE VIEW offline_open_resolutions AS
  SELECT d.device_id, d.rev, d.counter, d.bundle_id, d.choice, d.decided_at, d.retry_at, d.attempts, d.last_error,
         t.status AS payment_status, t.refund_of_device_id || '/' || t.refund_of_counter AS refund_of,
         offline_decided_at(d.decided_at, d.recorded_at) - b.received_at AS payment_age,
         CASE WHEN b.bundle_id IS NULL THEN 'bundle'
              WHEN d.choice = 'reverse' AND t.status IN ('review', 'quarantined') THEN 'review'
              WHEN d.choice = 'revoke' AND t.status = 'claimed' AND offline_has_open_answer(d.device_id, d.counter) THEN 'answer'
              WHEN d.choice = 'approve' AND t.type = 'refund' AND offline_payment_waits(t.refund_of_device_id, t.refund_of_counter)
                THEN 'refunded_payment'
              WHEN d.withheld_at IS NOT NULL AND d.alone_on IS NULL THEN 'second_person'
              WHEN d.choice = 'reverse' AND t.status = 'succeeded' AND d.last_error IN ('insufficient_funds', 'wallet_frozen')
                THEN 'money' END
           AS waiting_for
  FROM offline_resolutions d
  LEFT JOIN offline_tx_bundles b USING (device_id, bundle_id)
  LEFT JOIN offline_transactions t
    ON t.device_id = d.device_id AND t.counter = d.counter AND t.bundle_id = d.bundle_id
  WHERE d.result IS NULL;

-- What refunds have given back of a payment. A refund that was reversed gives nothing.
CREATE FUNCTION offline_refunded_minor(p_device_id text, p_counter bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT coalesce(sum(amount_minor), 0)::bigint FROM offline_transactions
  WHERE type = 'refund' AND refund_of_device_id = p_device_id AND refund_of_counter = p_counter AND status = 'succeeded'
$$;
GRANT EXECUTE ON FUNCTION offline_refunded_minor TO molam_record, molam_settle, molam_read;

-- Money that somebody has to get and that could not be taken, and who goes without it until then.
--   payment   the payer's wallet was empty when the payment arrived: goods or cash were handed over, the receiver bears it
--   reversal  the receiver's wallet cannot give it back: the payer bears it
CREATE VIEW offline_shortfalls AS
  SELECT 'payment' AS kind, t.device_id, t.counter, b.country, t.type, t.amount_minor, t.currency,
         t.sender AS short_wallet, t.receiver AS borne_by,
         coalesce(r.kind, 'payee') AS bearer,
         v.owner_wallet AS device_owner, t.status_at AS short_since
  FROM offline_transactions t
  JOIN offline_tx_bundles b USING (device_id, bundle_id)
  JOIN offline_devices v USING (device_id)
  LEFT JOIN wallet_core.accounts r ON r.wallet_id = t.receiver
  WHERE t.status = 'failed' AND t.reason IN ('insufficient_funds', 'allowance_shortfall')
  UNION ALL
  SELECT 'reversal', t.device_id, t.counter, b.country, t.type, t.amount_minor - offline_refunded_minor(t.device_id, t.counter), t.currency,
         t.receiver, t.sender, 'payer', v.owner_wallet, min(d.recorded_at)
  FROM offline_open_resolutions o
  JOIN offline_resolutions d USING (device_id, rev, counter)
  JOIN offline_transactions t USING (device_id, counter)
  JOIN offline_tx_bundles b ON b.device_id = t.device_id AND b.bundle_id = t.bundle_id
  JOIN offline_devices v ON v.device_id = t.device_id
  WHERE o.waiting_for = 'money'
  GROUP BY t.device_id, t.counter, b.country, v.owner_wallet;

GRANT SELECT ON offline_resolutions, offline_open_resolutions, offline_shortfalls
  TO molam_record, molam_settle, molam_read;
-- Results are written by the functions below, together with what they stand for.
GRANT INSERT (device_id, rev, counter, bundle_id, choice, reason, actors, content_hash, message, decided_at, recorded_at)
  ON offline_resolutions TO molam_record;
GRANT UPDATE (attempts, retry_at, last_error) ON offline_resolutions TO molam_settle;

-- Lets resolutions through to their payments: those that two people made, and those of one as long as the sum of the person's day
-- allows it, in the order given. The edge counts a person's day too (durable-objects/person); this holds where the edge is wrong, or lies.
-- What is let through is counted in the same transaction, once, however often it is asked about; only what is wanted is looked at.
-- The caller holds the locks of the devices; people are locked here, in order, and accounts after them.
CREATE FUNCTION offline_let_through(p_device_id text[], p_rev bigint[], p_counter bigint[], p_wanted boolean[])
RETURNS boolean[]
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  v_may boolean[] := array_fill(true, ARRAY[cardinality(p_device_id)]);
  v_sum bigint;
  v_one record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('offline_person/' || s.actor, 0))
  FROM (SELECT DISTINCT d.actors[1] COLLATE "C" AS actor
        FROM unnest(p_device_id, p_rev, p_counter) AS x (device_id, rev, counter)
        JOIN offline_resolutions d USING (device_id, rev, counter) ORDER BY 1) s;
  FOR v_one IN
    SELECT x.no, d.device_id, d.rev, d.counter, d.actors[1] AS actor, t.amount_minor, t.currency,
           (offline_decided_at(d.decided_at, d.recorded_at) AT TIME ZONE 'UTC')::date AS day,
           coalesce(p.person_daily_value, 0) AS daily_value
    FROM unnest(p_device_id, p_rev, p_counter, p_wanted) WITH ORDINALITY AS x (device_id, rev, counter, wanted, no)
    JOIN offline_resolutions d USING (device_id, rev, counter)
    JOIN offline_transactions t USING (device_id, counter)
    JOIN offline_tx_bundles b ON b.device_id = t.device_id AND b.bundle_id = t.bundle_id
    LEFT JOIN LATERAL get_offline_policy(b.country) p ON true
    WHERE x.wanted AND d.alone_on IS NULL AND d.actors[1] = ALL (d.actors)
      -- What ended by time or with its device nobody decided.
      AND d.choice IN ('approve', 'reject', 'reverse')
    ORDER BY x.no
  LOOP
    SELECT coalesce(sum(t.amount_minor), 0) INTO v_sum
    FROM offline_resolutions d JOIN offline_transactions t USING (device_id, counter)
    WHERE d.actors[1] = v_one.actor AND d.alone_on = v_one.day AND t.currency = v_one.currency;
    v_may[v_one.no] := v_sum + v_one.amount_minor <= v_one.daily_value;
    IF v_may[v_one.no] THEN
      UPDATE offline_resolutions d SET alone_on = v_one.day
      WHERE d.device_id = v_one.device_id AND d.rev = v_one.rev AND d.counter = v_one.counter;
    END IF;
  END LOOP;
  RETURN v_may;
END $$;
REVOKE ALL ON FUNCTION offline_let_through FROM PUBLIC;

-- Signatures that could not be verified when their payments were recorded: of payers, or of agents, whose devices were not known
-- then. One that was used up meanwhile proves nothing. The caller holds the locks of the devices.
CREATE FUNCTION offline_prove(
  p_whose text, p_device_id text[], p_counter bigint[], p_signer_id text[], p_once bytea[], p_at timestamptz
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH open AS (
    SELECT device_id, counter, t.sender, t.status, x.signer_id, x.once
    FROM unnest(p_device_id, p_counter, p_signer_id, p_once) AS x (device_id, counter, signer_id, once)
    JOIN offline_transactions t USING (device_id, counter)
    WHERE t.status IN ('review', 'quarantined') AND NOT CASE p_whose WHEN 'payer' THEN t.payer_proven ELSE t.agent_proven END
    ORDER BY device_id, counter
  ), shown AS (
    SELECT array_agg(device_id) AS device_ids, array_agg(counter) AS counters, array_agg(sender) AS senders, array_agg(status) AS statuses,
           array_agg(signer_id) AS signer_ids, array_agg(once) AS onces
    FROM open
  )
  UPDATE offline_transactions t
  SET payer_proven = t.payer_proven OR p_whose = 'payer', agent_proven = t.agent_proven OR p_whose = 'agent'
  FROM shown o, offline_use_signatures(p_whose, o.device_ids, o.counters, o.senders, o.statuses, o.signer_ids, o.onces, p_at) s
  WHERE s.is_own AND t.device_id = o.device_ids[s.no] AND t.counter = o.counters[s.no]
$$;
REVOKE ALL ON FUNCTION offline_prove FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_prove TO molam_settle;

-- Signatures that held when their payments were recorded and hold no more, as their devices were lost meanwhile: what people
-- approve is judged as it stands then. The caller holds the locks of the devices.
CREATE FUNCTION offline_disprove(p_whose text, p_device_id text[], p_counter bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE offline_transactions t
  SET payer_proven = t.payer_proven AND p_whose <> 'payer', agent_proven = t.agent_proven AND p_whose <> 'agent'
  FROM unnest(p_device_id, p_counter) AS x (device_id, counter)
  WHERE t.device_id = x.device_id AND t.counter = x.counter AND t.status IN ('review', 'quarantined')
$$;
REVOKE ALL ON FUNCTION offline_disprove FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_disprove TO molam_settle;

-- Why a payment failed that was not approved.
CREATE FUNCTION offline_reason_of(p_choice text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE p_choice WHEN 'reject' THEN 'reviewer_rejected' WHEN 'expire' THEN 'review_expired'
                       WHEN 'revoke' THEN 'device_revoked' END
$$;

-- What one person alone may not decide any more today stays open, and is looked at again with growing pauses of up to ten
-- minutes: a newer policy may allow it.
CREATE FUNCTION offline_withhold(
  p_device_id text[], p_rev bigint[], p_counter bigint[], p_outcome text[], p_at timestamptz
) RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
  UPDATE offline_resolutions d
  SET withheld_at = coalesce(d.withheld_at, p_at), last_error = 'person_daily_value', attempts = d.attempts + 1,
      retry_at = p_at + least(interval '1 minute' * 2 ^ least(d.attempts, 20), interval '10 minutes')
  FROM unnest(p_device_id, p_rev, p_counter, p_outcome) AS x (device_id, rev, counter, outcome)
  WHERE x.outcome = 'withheld' AND d.device_id = x.device_id AND d.rev = x.rev AND d.counter = x.counter
$$;
REVOKE ALL ON FUNCTION offline_withhold FROM PUBLIC;

-- Carries out the reviews of these devices that are due, and what ended with them. An approved payment goes on as it would have at first: it needs
-- the words of its payer and its agent that were or were not there when it was recorded, and the funds that are held for it, or
-- there now. A claim waits for its payer then: nobody who reviews can say the payer's yes. A claim of a device that was revoked
-- fails, unless its payer answered before. Of
-- several resolutions about one payment the last one counts. Whatever comes of a payment, nothing is held for it any more.
-- The caller has the locks of the devices; accounts are locked here.
CREATE FUNCTION offline_apply_reviews(p_device_id text[], p_at timestamptz)
-- hold: what became of the payment's own, `posted` or `released`; null where there was none.
RETURNS TABLE (device_id text, rev bigint, counter bigint, bundle_id text, result text, status text, reason text,
               type text, hold text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_device   text[];
  v_rev      bigint[];
  v_counter  bigint[];
  v_bundle   text[];
  v_outcome  text[];
  v_status   text[];
  v_reason   text[];
  v_transfer uuid[];
  v_hold     text[];
  v_may      boolean[];
  -- Places of refunds that would be posted.
  v_refund   bigint[];
  v_posted   record;
  v_changed  bigint;
BEGIN
  SELECT array_agg(x.device_id ORDER BY x.no), array_agg(x.rev ORDER BY x.no), array_agg(x.counter ORDER BY x.no),
         array_agg(x.bundle_id ORDER BY x.no), array_agg(x.outcome ORDER BY x.no),
         array_agg(CASE WHEN x.outcome <> 'applied' THEN NULL
                        WHEN x.choice <> 'approve' OR NOT t.agent_proven THEN 'failed'
                        WHEN t.payer_proven THEN 'pending'
                        WHEN t.claim_until IS NOT NULL THEN 'claimed' ELSE 'failed' END ORDER BY x.no),
         array_agg(CASE WHEN x.outcome <> 'applied' THEN NULL
                        WHEN x.choice <> 'approve' THEN offline_reason_of(x.choice)
                        WHEN NOT t.payer_proven AND t.claim_until IS NULL THEN 'payer_not_proven'
                        WHEN NOT t.agent_proven THEN 'approval_invalid' END ORDER BY x.no),
         array_agg(NULL::uuid), array_agg(NULL::text)
  INTO v_device, v_rev, v_counter, v_bundle, v_outcome, v_status, v_reason, v_transfer, v_hold
  FROM (
    SELECT o.*, row_number() OVER (ORDER BY o.decided_at, o.device_id, o.counter, o.rev) AS no,
           -- Of the refunds of one payment the first is posted before the next one is judged.
           row_number() OVER (PARTITION BY o.refund_of ORDER BY o.decided_at, o.device_id, o.counter, o.rev) AS nth_refund,
           CASE WHEN o.payment_status IS NULL THEN 'unknown_payment'
                WHEN o.payment_status NOT IN ('review', 'quarantined') AND NOT (o.choice = 'revoke' AND o.payment_status = 'claimed')
                  THEN 'not_waiting'
                WHEN o.rev < max(o.rev) OVER (PARTITION BY o.device_id, o.counter) THEN 'superseded'
                ELSE 'applied' END AS outcome
    FROM offline_open_resolutions o
    WHERE o.device_id = ANY (p_device_id) AND o.choice <> 'reverse'
      AND (o.waiting_for IS NULL OR o.waiting_for NOT IN ('bundle', 'answer', 'refunded_payment'))
      AND offline_resolution_is_due(o.choice, o.retry_at, p_at)
  ) x
  LEFT JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter
  WHERE x.refund_of IS NULL OR x.nth_refund = 1;
  IF v_device IS NULL THEN RETURN; END IF;
  -- What fails for want of the payer's word, or the agent's, fails whoever approved it, and its hold must end with it.
  SELECT offline_let_through(v_device, v_rev, v_counter,
                             array_agg(o = 'applied' AND coalesce(r, '') NOT IN ('payer_not_proven', 'approval_invalid')
                                       ORDER BY no)) INTO v_may
  FROM unnest(v_outcome, v_reason) WITH ORDINALITY AS x (o, r, no);
  SELECT array_agg(CASE WHEN m THEN o ELSE 'withheld' END ORDER BY no), array_agg(CASE WHEN m THEN s END ORDER BY no),
         array_agg(CASE WHEN m THEN r END ORDER BY no)
  INTO v_outcome, v_status, v_reason
  FROM unnest(v_outcome, v_status, v_reason, v_may) WITH ORDINALITY AS x (o, s, r, m, no);
  SELECT array_agg(x.no ORDER BY x.no) INTO v_refund
  FROM unnest(v_device, v_counter, v_status) WITH ORDINALITY AS x (device_id, counter, status, no)
  JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter
  WHERE x.status = 'pending' AND t.type = 'refund';
  IF v_refund IS NOT NULL THEN
    PERFORM offline_lock_wallets_of(v_device, v_counter);
    FOR v_posted IN
      SELECT v_refund[f.no] AS no, f.reason
      FROM (SELECT array_agg(t.type ORDER BY x.no) AS types, array_agg(t.sender ORDER BY x.no) AS senders,
                   array_agg(t.receiver ORDER BY x.no) AS receivers, array_agg(t.amount_minor ORDER BY x.no) AS amounts,
                   array_agg(t.currency ORDER BY x.no) AS currencies,
                   array_agg(t.refund_of_device_id ORDER BY x.no) AS device_ids,
                   array_agg(t.refund_of_counter ORDER BY x.no) AS counters
            FROM unnest(v_device, v_counter) WITH ORDINALITY AS x (device_id, counter, no)
            JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter
            WHERE x.no = ANY (v_refund)) t,
           offline_refund_faults(t.types, t.senders, t.receivers, t.amounts, t.currencies, t.device_ids, t.counters) f
    LOOP
      v_status[v_posted.no] := 'failed';
      v_reason[v_posted.no] := v_posted.reason;
    END LOOP;
  END IF;

  FOR v_posted IN
    WITH batch AS (
      SELECT array_agg(x.no ORDER BY x.no) AS nos,
             array_agg(wallet_core.request_payment(t.device_id, t.counter, t.type, t.sender, t.receiver, t.amount_minor,
                                                   t.currency, t.fee_minor, t.fee_bearer, b.country,
                                                   CASE x.status WHEN 'pending' THEN 'post' ELSE 'release' END)
                       ORDER BY x.no) AS transfers
      FROM unnest(v_device, v_counter, v_status) WITH ORDINALITY AS x (device_id, counter, status, no)
      JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter
      JOIN offline_tx_bundles b ON b.device_id = t.device_id AND b.bundle_id = t.bundle_id
      WHERE x.status IS NOT NULL
      HAVING count(*) > 0
    )
    SELECT b.nos[r.no] AS no, r.result, r.reason, r.transfer_id, r.hold
    FROM batch b, wallet_core.post_transfers('payment', b.transfers, p_at) r
  LOOP
    v_hold[v_posted.no] := v_posted.hold;
    CONTINUE WHEN v_posted.result = 'released';
    IF v_posted.result NOT IN ('posted', 'failed') THEN
      RAISE EXCEPTION 'a payment that waits has a transfer: %', v_posted.result USING ERRCODE = 'data_corrupted';
    END IF;
    v_status[v_posted.no] := CASE v_posted.result WHEN 'posted' THEN 'succeeded' ELSE 'failed' END;
    v_reason[v_posted.no] := v_posted.reason;
    v_transfer[v_posted.no] := v_posted.transfer_id;
  END LOOP;

  UPDATE offline_transactions t
  SET status = x.status, reason = x.reason, transfer_id = x.transfer_id, status_at = p_at
  FROM unnest(v_device, v_counter, v_outcome, v_status, v_reason, v_transfer)
       AS x (device_id, counter, outcome, status, reason, transfer_id)
  WHERE x.outcome = 'applied' AND t.device_id = x.device_id AND t.counter = x.counter
    AND t.status IN ('review', 'quarantined', 'claimed');
  GET DIAGNOSTICS v_changed = ROW_COUNT;
  IF v_changed <> cardinality(array_positions(v_outcome, 'applied')) THEN
    RAISE EXCEPTION 'changed % payments of %', v_changed, v_outcome USING ERRCODE = 'data_corrupted';
  END IF;

  UPDATE offline_resolutions d SET result = x.outcome, closed_at = p_at, last_error = NULL
  FROM unnest(v_device, v_rev, v_counter, v_outcome) AS x (device_id, rev, counter, outcome)
  WHERE x.outcome <> 'withheld' AND d.device_id = x.device_id AND d.rev = x.rev AND d.counter = x.counter;
  PERFORM offline_withhold(v_device, v_rev, v_counter, v_outcome, p_at);

  RETURN QUERY
    SELECT x.device_id, x.rev, x.counter, x.bundle_id, x.outcome, x.status, x.reason, t.type, x.hold
    FROM unnest(v_device, v_rev, v_counter, v_bundle, v_outcome, v_status, v_reason, v_hold)
         AS x (device_id, rev, counter, bundle_id, outcome, status, reason, hold)
    LEFT JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter;
END $$;
REVOKE ALL ON FUNCTION offline_apply_reviews FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_apply_reviews TO molam_settle;

-- Carries out the reversals of these devices that are due: a transfer the other way, once, of what refunds have not given back, with the fee. A wallet that
-- cannot give the money back, or may not, is asked again later with growing pauses, for as long as it takes.
-- The caller holds the locks of the devices; accounts are locked here.
CREATE FUNCTION offline_apply_reversals(p_device_id text[], p_at timestamptz)
RETURNS TABLE (device_id text, rev bigint, counter bigint, bundle_id text, result text, status text, reason text,
               type text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_device   text[];
  v_rev      bigint[];
  v_counter  bigint[];
  v_bundle   text[];
  v_outcome  text[];
  v_reason   text[];
  v_transfer uuid[];
  v_may      boolean[];
  -- What a reversal gives back.
  v_left     bigint[];
  v_posted   record;
  v_changed  bigint;
BEGIN
  SELECT array_agg(x.device_id ORDER BY x.no), array_agg(x.rev ORDER BY x.no), array_agg(x.counter ORDER BY x.no),
         array_agg(x.bundle_id ORDER BY x.no), array_agg(x.outcome ORDER BY x.no), array_agg(NULL::text),
         array_agg(NULL::uuid)
  INTO v_device, v_rev, v_counter, v_bundle, v_outcome, v_reason, v_transfer
  FROM (
    SELECT o.*, row_number() OVER (ORDER BY o.decided_at, o.device_id, o.counter, o.rev) AS no,
           o.device_id || '/' || o.counter AS name,
           CASE WHEN o.payment_status IS NULL THEN 'unknown_payment'
                WHEN o.payment_status <> 'succeeded' THEN 'not_reversible'
                -- REVERSAL_DAYS_MAX of src/protocol/limits.ts.
                WHEN o.payment_age > interval '90 days' THEN 'too_late'
                WHEN o.rev > min(o.rev) OVER (PARTITION BY o.device_id, o.counter) THEN 'superseded'
                ELSE 'applied' END AS outcome
    FROM offline_open_resolutions o
    WHERE o.device_id = ANY (p_device_id) AND o.choice = 'reverse'
      AND o.waiting_for IS DISTINCT FROM 'bundle' AND o.waiting_for IS DISTINCT FROM 'review'
      AND offline_resolution_is_due(o.choice, o.retry_at, p_at)
  ) x
  -- A payment before its refunds, which are judged by what became of it.
  WHERE x.refund_of IS NULL OR x.refund_of NOT IN (
    SELECT o.device_id || '/' || o.counter FROM offline_open_resolutions o
    WHERE o.device_id = ANY (p_device_id) AND o.choice = 'reverse'
      AND o.waiting_for IS DISTINCT FROM 'bundle' AND o.waiting_for IS DISTINCT FROM 'review'
      AND offline_resolution_is_due(o.choice, o.retry_at, p_at));
  IF v_device IS NULL THEN RETURN; END IF;
  SELECT offline_let_through(v_device, v_rev, v_counter, array_agg(o = 'applied' ORDER BY no)) INTO v_may
  FROM unnest(v_outcome) WITH ORDINALITY AS x (o, no);
  SELECT array_agg(CASE WHEN m THEN o ELSE 'withheld' END ORDER BY no) INTO v_outcome
  FROM unnest(v_outcome, v_may) WITH ORDINALITY AS x (o, m, no);
  -- Refunds of a till that is not locked here wait for the accounts. What was given back already is not given back again: neither of
  -- the payment, nor of a refund once its payment is reversed, because the rest went back with that.
  PERFORM offline_lock_wallets_of(v_device, v_counter);
  SELECT array_agg(CASE WHEN t.type = 'refund' AND o.status = 'reversed' THEN 0
                        ELSE t.amount_minor - offline_refunded_minor(t.device_id, t.counter) END ORDER BY x.no) INTO v_left
  FROM unnest(v_device, v_counter) WITH ORDINALITY AS x (device_id, counter, no)
  LEFT JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter
  LEFT JOIN offline_transactions o ON o.device_id = t.refund_of_device_id AND o.counter = t.refund_of_counter;
  SELECT array_agg(CASE WHEN o = 'applied' AND l = 0 THEN 'not_reversible' ELSE o END ORDER BY no) INTO v_outcome
  FROM unnest(v_outcome, v_left) WITH ORDINALITY AS x (o, l, no);

  FOR v_posted IN
    WITH batch AS (
      SELECT array_agg(x.no ORDER BY x.no) AS nos,
             array_agg(wallet_core.request_payment(t.device_id, t.counter, NULL, t.receiver, t.sender, x.left_minor,
                                                   t.currency, t.fee_minor, t.fee_bearer, b.country, NULL)
                       ORDER BY x.no) AS transfers
      FROM unnest(v_device, v_counter, v_outcome, v_left) WITH ORDINALITY AS x (device_id, counter, outcome, left_minor, no)
      JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter
      JOIN offline_tx_bundles b ON b.device_id = t.device_id AND b.bundle_id = t.bundle_id
      WHERE x.outcome = 'applied'
      HAVING count(*) > 0
    )
    SELECT b.nos[r.no] AS no, r.result, r.reason, r.transfer_id
    FROM batch b, wallet_core.post_transfers('reversal', b.transfers, p_at) r
  LOOP
    IF v_posted.result NOT IN ('posted', 'failed') THEN
      RAISE EXCEPTION 'a payment that stands has a reversal: %', v_posted.result USING ERRCODE = 'data_corrupted';
    END IF;
    IF v_posted.result = 'failed' THEN v_outcome[v_posted.no] := 'short_of_money'; END IF;
    v_reason[v_posted.no] := v_posted.reason;
    v_transfer[v_posted.no] := v_posted.transfer_id;
  END LOOP;

  UPDATE offline_transactions t SET status = 'reversed', reversal_transfer_id = x.transfer_id, status_at = p_at
  FROM unnest(v_device, v_counter, v_outcome, v_transfer) AS x (device_id, counter, outcome, transfer_id)
  WHERE x.outcome = 'applied' AND t.device_id = x.device_id AND t.counter = x.counter AND t.status = 'succeeded';
  GET DIAGNOSTICS v_changed = ROW_COUNT;
  IF v_changed <> cardinality(array_positions(v_outcome, 'applied')) THEN
    RAISE EXCEPTION 'reversed % payments of %', v_changed, v_outcome USING ERRCODE = 'data_corrupted';
  END IF;

  UPDATE offline_resolutions d
  SET result = nullif(x.outcome, 'short_of_money'), closed_at = CASE WHEN x.outcome <> 'short_of_money' THEN p_at END,
      last_error = x.reason, attempts = d.attempts + 1,
      -- A minute, doubled each time, up to a day.
      retry_at = p_at + least(interval '1 minute' * 2 ^ least(d.attempts, 20), interval '1 day')
  FROM unnest(v_device, v_rev, v_counter, v_outcome, v_reason) AS x (device_id, rev, counter, outcome, reason)
  WHERE x.outcome <> 'withheld' AND d.device_id = x.device_id AND d.rev = x.rev AND d.counter = x.counter;
  PERFORM offline_withhold(v_device, v_rev, v_counter, v_outcome, p_at);

  RETURN QUERY
    SELECT x.device_id, x.rev, x.counter, x.bundle_id, x.outcome,
           CASE WHEN x.outcome = 'applied' THEN 'reversed' END, x.reason, t.type
    FROM unnest(v_device, v_rev, v_counter, v_bundle, v_outcome, v_reason)
         AS x (device_id, rev, counter, bundle_id, outcome, reason)
    LEFT JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter;
END $$;
REVOKE ALL ON FUNCTION offline_apply_reversals FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_apply_reversals TO molam_settle;
