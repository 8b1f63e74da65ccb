-- An allowance is money that is held for a payer's phone, so that a till can be told `covered` with no network. It stays on the payer's
-- account, as every hold does (009.do.holds.sql): no other payment takes it. Payments that the phone signs under it have it in the order in
-- which they arrive (003.do.posting.sql). It is consumed, given back, or held still, and the three are its ceiling at any time.
--
--   order (open) → open → order (close) → closing → closed, when all that the phone has signed is here
--                    └──── after its time and that of the oldest bundle ────→ expired
CREATE TABLE wallet_core.allowances (
  allowance_id   bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  -- The paying device, and its own number of it: 1, 2, 3 …
  device_id      text NOT NULL,
  no             bigint NOT NULL CHECK (no > 0),
  account_id     bigint NOT NULL,
  currency       text NOT NULL,
  ceiling_minor  bigint NOT NULL CHECK (ceiling_minor > 0),
  consumed_minor bigint NOT NULL DEFAULT 0 CHECK (consumed_minor >= 0),
  returned_minor bigint NOT NULL DEFAULT 0 CHECK (returned_minor >= 0),
  held_minor     bigint GENERATED ALWAYS AS (ceiling_minor - consumed_minor - returned_minor) STORED CHECK (held_minor >= 0),
  from_at        timestamptz NOT NULL,
  -- The last moment at which the phone may sign under it.
  until_at       timestamptz NOT NULL CHECK (until_at > from_at),
  -- When the oldest bundle that may have a payment under it has come.
  ends_at        timestamptz NOT NULL CHECK (ends_at > until_at),
  state          text NOT NULL CHECK (state IN ('open', 'closing', 'closed', 'expired')),
  -- What the phone says it has signed, as it closed: the highest number, and the sum.
  stated_n       bigint CHECK (stated_n >= 0),
  stated_spent   bigint CHECK (stated_spent >= 0),
  ended_at       timestamptz,
  PRIMARY KEY (device_id, no),
  CONSTRAINT allowances_stated CHECK (num_nonnulls(stated_n, stated_spent) IN (0, 2)
                                      AND (state <> 'open' OR stated_n IS NULL) AND (state NOT IN ('closing', 'closed') OR stated_n IS NOT NULL)),
  CONSTRAINT allowances_ended CHECK ((ended_at IS NOT NULL) = (state IN ('closed', 'expired'))),
  CONSTRAINT allowances_ended_empty CHECK (ended_at IS NULL OR ceiling_minor = consumed_minor + returned_minor)
);
-- One at a time.
CREATE UNIQUE INDEX allowances_live ON wallet_core.allowances (account_id) WHERE ended_at IS NULL;
CREATE INDEX allowances_ending ON wallet_core.allowances (ends_at) WHERE ended_at IS NULL;
CREATE TRIGGER allowances_append_only BEFORE DELETE OR TRUNCATE ON wallet_core.allowances
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
-- What is consumed or given back is so for ever, its state goes one way, and nothing else changes.
CREATE TRIGGER allowances_kept BEFORE UPDATE ON wallet_core.allowances FOR EACH ROW
  WHEN (old.ended_at IS NOT NULL OR new.consumed_minor < old.consumed_minor OR new.returned_minor < old.returned_minor
        OR old.state = 'closing' AND new.state = 'open'
        OR old.stated_n IS NOT NULL AND (old.stated_n, old.stated_spent) IS DISTINCT FROM (new.stated_n, new.stated_spent)
        OR (old.device_id, old.no, old.account_id, old.currency, old.ceiling_minor, old.from_at, old.until_at, old.ends_at)
           IS DISTINCT FROM (new.device_id, new.no, new.account_id, new.currency, new.ceiling_minor, new.from_at, new.until_at, new.ends_at))
  EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON wallet_core.allowances TO molam_record, molam_settle, molam_read;

-- The three that move what is held. Their callers hold the lock of the account, so an allowance needs none of its own.

-- Called by post_transfers() alone, which has found that it is there.
CREATE FUNCTION wallet_core.consume_allowances(p_allowance_id bigint[], p_account_id bigint[], p_amount_minor bigint[]) RETURNS void
LANGUAGE plpgsql STRICT SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_done record;
BEGIN
  WITH consumed AS (
    UPDATE allowances l SET consumed_minor = l.consumed_minor + s.amount_minor
    FROM (SELECT allowance_id, sum_minor(amount_minor) AS amount_minor
          FROM unnest(p_allowance_id, p_amount_minor) AS x (allowance_id, amount_minor) GROUP BY allowance_id) s
    WHERE l.allowance_id = ANY (p_allowance_id) AND l.allowance_id = s.allowance_id
    RETURNING l.account_id, s.amount_minor
  ), freed AS (
    UPDATE accounts a SET held_minor = a.held_minor - s.amount_minor
    FROM (SELECT account_id, sum_minor(amount_minor) AS amount_minor
          FROM unnest(p_account_id, p_amount_minor) AS x (account_id, amount_minor) GROUP BY account_id) s
    WHERE a.account_id = ANY (p_account_id) AND a.account_id = s.account_id
    RETURNING a.account_id, s.amount_minor
  )
  SELECT (SELECT jsonb_object_agg(account_id, amount_minor) FROM consumed) AS consumed,
         (SELECT jsonb_object_agg(account_id, amount_minor) FROM freed) AS freed
  INTO v_done;
  IF v_done.consumed IS DISTINCT FROM v_done.freed THEN
    RAISE EXCEPTION 'consuming allowances is not balanced: %', v_done USING ERRCODE = 'data_corrupted';
  END IF;
END $$;
REVOKE ALL ON FUNCTION wallet_core.consume_allowances FROM PUBLIC;

-- What is left goes back, and it ends.
CREATE FUNCTION wallet_core.end_allowance(p_allowance_id bigint, p_state text, p_at timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_left    bigint;
  v_account bigint;
BEGIN
  SELECT held_minor, account_id INTO STRICT v_left, v_account FROM allowances WHERE allowance_id = p_allowance_id AND ended_at IS NULL;
  UPDATE allowances SET returned_minor = v_left, state = p_state, ended_at = p_at WHERE allowance_id = p_allowance_id;
  UPDATE accounts SET held_minor = held_minor - v_left WHERE account_id = v_account;
END $$;
REVOKE ALL ON FUNCTION wallet_core.end_allowance FROM PUBLIC;

-- @returns why none is opened; null: it is
CREATE FUNCTION wallet_core.open_allowance(
  p_device_id text, p_no bigint, p_wallet text, p_currency text, p_ceiling_minor bigint, p_until_at timestamptz, p_ends_at timestamptz,
  p_at timestamptz
) RETURNS text
LANGUAGE plpgsql SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_account accounts;
BEGIN
  SELECT * INTO v_account FROM accounts WHERE wallet_id = p_wallet AND kind <> 'system' FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN 'unknown_wallet'; END IF;
  IF v_account.frozen THEN RETURN 'wallet_frozen'; END IF;
  IF v_account.currency <> p_currency THEN RETURN 'currency_mismatch'; END IF;
  IF EXISTS (SELECT FROM allowances WHERE account_id = v_account.account_id AND ended_at IS NULL) THEN RETURN 'already_open'; END IF;
  IF EXISTS (SELECT FROM allowances WHERE device_id = p_device_id AND no >= p_no) THEN RETURN 'stale'; END IF;
  IF v_account.balance_minor - v_account.held_minor - v_account.floor_minor < p_ceiling_minor THEN RETURN 'insufficient_funds'; END IF;
  INSERT INTO allowances (device_id, no, account_id, currency, ceiling_minor, from_at, until_at, ends_at, state)
  VALUES (p_device_id, p_no, v_account.account_id, p_currency, p_ceiling_minor, p_at, p_until_at, p_ends_at, 'open');
  UPDATE accounts SET held_minor = held_minor + p_ceiling_minor WHERE account_id = v_account.account_id;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION wallet_core.open_allowance FROM PUBLIC;

-- What a paying device signed: that an allowance is to be opened, or that it closes. Kept before it is carried out.
CREATE TABLE offline_allowance_orders (
  -- The device that signed it, and its number among what that device's object hands on.
  payer_device_id text NOT NULL,
  rev             bigint NOT NULL CHECK (rev > 0),
  choice          text NOT NULL CHECK (choice IN ('open', 'close')),
  -- The device's own number of the allowance.
  no              bigint NOT NULL CHECK (no > 0),
  kid             bytea NOT NULL CHECK (octet_length(kid) = 8),
  wallet          text NOT NULL,
  -- To open.
  currency        text CHECK (currency ~ '^[A-Z]{3}$'),
  ceiling_minor   bigint CHECK (ceiling_minor > 0),
  -- To close: all that it has signed under it, the highest number and the sum.
  n               bigint CHECK (n >= 0),
  spent_minor     bigint CHECK (spent_minor >= 0),
  -- By the edge's clock.
  given_at        timestamptz NOT NULL,
  -- The signed order: evidence.
  signed          bytea NOT NULL,
  recorded_at     timestamptz NOT NULL,
  -- Whether it was the holder's word when it was recorded.
  is_his          boolean NOT NULL,
  -- Null while it is not carried out. `opened` and `closing` changed something; an order to close waits for the one to open.
  result          text CHECK (result IN ('opened', 'closing', 'not_authorised', 'not_signed', 'above_policy', 'unknown_wallet', 'wallet_frozen',
                                         'currency_mismatch', 'already_open', 'stale', 'insufficient_funds', 'not_open')),
  closed_at       timestamptz,
  PRIMARY KEY (payer_device_id, rev),
  CONSTRAINT allowance_orders_said CHECK (CASE choice WHEN 'open' THEN num_nonnulls(currency, ceiling_minor) = 2 AND num_nulls(n, spent_minor) = 2
                                                      ELSE num_nonnulls(n, spent_minor) = 2 AND num_nulls(currency, ceiling_minor) = 2 END),
  CONSTRAINT allowance_orders_done CHECK ((result IS NULL) = (closed_at IS NULL))
);
CREATE INDEX offline_allowance_orders_open ON offline_allowance_orders (payer_device_id, no) WHERE result IS NULL;
CREATE INDEX offline_allowance_orders_of_allowance ON offline_allowance_orders (payer_device_id, no);
CREATE TRIGGER offline_allowance_orders_kept BEFORE UPDATE ON offline_allowance_orders FOR EACH ROW
  WHEN (old.result IS NOT NULL OR (to_jsonb(old) - 'result' - 'closed_at') IS DISTINCT FROM (to_jsonb(new) - 'result' - 'closed_at'))
  EXECUTE FUNCTION wallet_core.refuse_change();
CREATE TRIGGER offline_allowance_orders_append_only BEFORE DELETE OR TRUNCATE ON offline_allowance_orders
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON offline_allowance_orders TO molam_record, molam_settle, molam_read;
GRANT INSERT (payer_device_id, rev, choice, no, kid, wallet, currency, ceiling_minor, n, spent_minor, given_at, signed, recorded_at, is_his)
  ON offline_allowance_orders TO molam_record;

-- Payments that were signed under an allowance, in the order of their arrival: what the phone counted, and what it came to.
CREATE TABLE offline_allowance_payments (
  id              bigint GENERATED ALWAYS AS IDENTITY,
  device_id       text NOT NULL,
  counter         bigint NOT NULL,
  payer_device_id text NOT NULL,
  allowance_no    bigint NOT NULL,
  -- The phone's number of it under the allowance, and the sum with it.
  n               bigint NOT NULL CHECK (n > 0),
  spent_minor     bigint NOT NULL CHECK (spent_minor > 0),
  amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
  -- What the allowance gave for it; what was not there for one that failed, which its taker bears; and the payer's fee that was let go.
  covered_minor   bigint NOT NULL CHECK (covered_minor BETWEEN 0 AND amount_minor),
  missing_minor   bigint NOT NULL CHECK (missing_minor >= 0),
  waived_minor    bigint NOT NULL CHECK (waived_minor >= 0),
  arrived_at      timestamptz NOT NULL,
  PRIMARY KEY (device_id, counter),
  CONSTRAINT allowance_payments_short CHECK (missing_minor = 0 OR covered_minor = 0)
);
CREATE INDEX offline_allowance_payments_of_allowance ON offline_allowance_payments (payer_device_id, allowance_no, n);
CREATE TRIGGER offline_allowance_payments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_allowance_payments
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();

-- A phone that signed what cannot all be true, by its own signatures: those of the payments that are named, or of its statement.
CREATE TABLE offline_allowance_evidence (
  payer_device_id text NOT NULL,
  allowance_no    bigint NOT NULL,
  --   number     two payments under one number
  --   sum        a sum that is not the one before it and the amount
  --   ceiling    a sum above the allowance
  --   statement  more than it said that it has signed
  kind            text NOT NULL CHECK (kind IN ('number', 'sum', 'ceiling', 'statement')),
  device_id       text NOT NULL,
  counter         bigint NOT NULL,
  other_device_id text,
  other_counter   bigint,
  found_at        timestamptz NOT NULL,
  CONSTRAINT allowance_evidence_once UNIQUE NULLS NOT DISTINCT (payer_device_id, allowance_no, kind, device_id, counter, other_device_id,
                                                                other_counter),
  CONSTRAINT allowance_evidence_other CHECK (num_nulls(other_device_id, other_counter) IN (0, 2))
);
CREATE TRIGGER offline_allowance_evidence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_allowance_evidence
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON offline_allowance_payments, offline_allowance_evidence TO molam_record, molam_settle, molam_read;

-- What contradicts what, by the rows alone: for `verify`, and to write evidence down.
CREATE FUNCTION offline_allowance_contradictions(p_payer_device_id text, p_allowance_no bigint)
RETURNS TABLE (kind text, device_id text, counter bigint, other_device_id text, other_counter bigint)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  WITH own AS (
    SELECT p.* FROM offline_allowance_payments p WHERE (p.payer_device_id, p.allowance_no) = (p_payer_device_id, p_allowance_no)
  ), allowance AS (
    SELECT a.* FROM wallet_core.allowances a WHERE (a.device_id, a.no) = (p_payer_device_id, p_allowance_no)
  )
  -- Neighbours are enough: where each counts the one before it in, all of them do.
  SELECT CASE WHEN o.n = o.n_before THEN 'number' ELSE 'sum' END, o.device_id, o.counter, o.device_before, o.counter_before
  FROM (SELECT p.*, lag(p.n) OVER w AS n_before, lag(p.spent_minor) OVER w AS spent_before, lag(p.device_id) OVER w AS device_before,
               lag(p.counter) OVER w AS counter_before
        FROM own p WINDOW w AS (ORDER BY p.n, p.id)) o
  WHERE o.n = o.n_before OR o.spent_minor - o.spent_before < o.amount_minor
     OR o.n = o.n_before + 1 AND o.spent_minor - o.spent_before <> o.amount_minor
  UNION ALL
  SELECT 'sum', device_id, counter, NULL, NULL FROM own WHERE n = 1 AND spent_minor <> amount_minor OR spent_minor < amount_minor
  UNION ALL
  SELECT 'ceiling', o.device_id, o.counter, NULL, NULL FROM own o, allowance a WHERE o.spent_minor > a.ceiling_minor
  UNION ALL
  SELECT 'statement', o.device_id, o.counter, NULL, NULL FROM own o, allowance a
  WHERE o.n > a.stated_n OR o.spent_minor > a.stated_spent OR o.n = a.stated_n AND o.spent_minor <> a.stated_spent
$$;
GRANT EXECUTE ON FUNCTION offline_allowance_contradictions TO molam_record, molam_settle, molam_read;

-- What is found of these allowances now goes on record, once. A phone that is convicted closes nothing: what it says it has signed is not
-- believed, and takers may come until the allowance ends by its time. Otherwise what closes is closed when all of it has arrived.
-- The caller holds the locks of the accounts.
CREATE FUNCTION offline_look_at_allowances(p_payer_device_id text[], p_allowance_no bigint[], p_at timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  v_one record;
BEGIN
  INSERT INTO offline_allowance_evidence
  SELECT x.payer_device_id, x.allowance_no, c.*, p_at
  FROM (SELECT DISTINCT * FROM unnest(p_payer_device_id, p_allowance_no) AS s (payer_device_id, allowance_no)) x
  CROSS JOIN LATERAL offline_allowance_contradictions(x.payer_device_id, x.allowance_no) c
  ON CONFLICT DO NOTHING;
  FOR v_one IN
    SELECT a.allowance_id FROM unnest(p_payer_device_id, p_allowance_no) AS x (payer_device_id, allowance_no)
    JOIN wallet_core.allowances a ON a.device_id = x.payer_device_id AND a.no = x.allowance_no
    WHERE a.state = 'closing'
      AND NOT EXISTS (SELECT FROM offline_allowance_evidence e WHERE e.payer_device_id = a.device_id AND e.allowance_no = a.no)
      AND a.stated_n = (SELECT count(DISTINCT p.n) FROM offline_allowance_payments p
                        WHERE p.payer_device_id = a.device_id AND p.allowance_no = a.no)
    GROUP BY a.allowance_id ORDER BY a.allowance_id
  LOOP
    PERFORM wallet_core.end_allowance(v_one.allowance_id, 'closed', p_at);
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION offline_look_at_allowances FROM PUBLIC;

-- The allowances that payments which are about to be recorded were signed under: of the device that signed, and of the debited wallet.
CREATE FUNCTION offline_allowances_of(p_payer_device_id text[], p_allowance_no bigint[], p_sender text[], p_currency text[])
RETURNS bigint[]
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT array_agg(l.allowance_id ORDER BY x.no)
  FROM unnest(p_payer_device_id, p_allowance_no, p_sender, p_currency) WITH ORDINALITY
         AS x (payer_device_id, allowance_no, sender, currency, no)
  LEFT JOIN LATERAL (
    SELECT a.allowance_id FROM wallet_core.allowances a JOIN wallet_core.accounts w USING (account_id)
    WHERE a.device_id = x.payer_device_id AND a.no = x.allowance_no AND w.wallet_id = x.sender AND a.currency = x.currency OFFSET 0) l ON true
$$;
REVOKE ALL ON FUNCTION offline_allowances_of FROM PUBLIC;

-- Writes down what was signed under allowances, with what each of them gave. Called when it is posted, in the same transaction.
CREATE FUNCTION offline_record_spending(
  p_device_id text[], p_counter bigint[], p_payer_device_id text[], p_allowance_no bigint[], p_n bigint[], p_spent_minor bigint[],
  p_amount_minor bigint[], p_covered_minor bigint[], p_missing_minor bigint[], p_waived_minor bigint[], p_at timestamptz
) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO offline_allowance_payments (device_id, counter, payer_device_id, allowance_no, n, spent_minor, amount_minor, covered_minor,
                                          missing_minor, waived_minor, arrived_at)
  SELECT x.*, p_at FROM unnest(p_device_id, p_counter, p_payer_device_id, p_allowance_no, p_n, p_spent_minor, p_amount_minor, p_covered_minor,
                               p_missing_minor, p_waived_minor) x;
  PERFORM offline_look_at_allowances(p_payer_device_id, p_allowance_no, p_at);
END $$;
REVOKE ALL ON FUNCTION offline_record_spending FROM PUBLIC;

-- Whether a device may say for the holder of a wallet that money is held: active, of that wallet, in its tenant, and with consent for the key.
CREATE FUNCTION offline_may_order(p_device_id text, p_kid bytea, p_wallet text, p_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM offline_devices d JOIN offline_device_keys k ON k.device_id = d.device_id AND k.kid = p_kid
    WHERE d.device_id = p_device_id AND d.status = 'active' AND d.owner_wallet = p_wallet AND k.state <> 'revoked'
      AND offline_wallet_state(p_wallet, d.tenant) = 'known'
      AND EXISTS (SELECT FROM offline_consents c
                  WHERE c.device_id = d.device_id AND c.wallet = p_wallet AND c.tenant = d.tenant AND c.holds
                    AND substring(c.thumbprint FROM 1 FOR octet_length(p_kid)) = p_kid
                    AND p_at <= c.until_at AND c.withdrawn_at IS NULL))
$$;
REVOKE ALL ON FUNCTION offline_may_order FROM PUBLIC;

-- Devices with orders that can be carried out: to open, or to close what was opened or refused.
CREATE FUNCTION offline_devices_with_due_orders(p_max int) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT DISTINCT o.payer_device_id FROM offline_allowance_orders o
  WHERE o.result IS NULL
    AND (o.choice = 'open' OR EXISTS (SELECT FROM offline_allowance_orders b
                                      WHERE b.payer_device_id = o.payer_device_id AND b.no = o.no AND b.choice = 'open'))
  ORDER BY 1 LIMIT p_max
$$;
REVOKE ALL ON FUNCTION offline_devices_with_due_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_devices_with_due_orders TO molam_settle, molam_read;

-- Carries out these orders, in the order in which their devices gave them. The caller has opened each signed order again and says whether its
-- device signed what the row says, has the locks of the devices, and is another login than the one that records orders. Twice is the same as once.
CREATE FUNCTION offline_apply_allowance_orders(p_payer_device_id text[], p_rev bigint[], p_is_signed boolean[], p_days int, p_at timestamptz)
RETURNS TABLE (payer_device_id text, rev bigint, no bigint, result text, state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_order  record;
  v_result text;
BEGIN
  PERFORM offline_assert_settling();
  -- In the order in which postings lock them, so that two cannot deadlock.
  PERFORM FROM wallet_core.accounts a
  WHERE a.wallet_id IN (SELECT o.wallet FROM offline_allowance_orders o JOIN unnest(p_payer_device_id, p_rev) AS x (payer, rev)
                          ON o.payer_device_id = x.payer AND o.rev = x.rev)
  ORDER BY a.account_id FOR NO KEY UPDATE;
  FOR v_order IN
    SELECT o.*, x.is_signed, d.country FROM unnest(p_payer_device_id, p_rev, p_is_signed) AS x (payer, rev, is_signed)
    JOIN offline_allowance_orders o ON o.payer_device_id = x.payer AND o.rev = x.rev
    LEFT JOIN offline_devices d ON d.device_id = x.payer
    WHERE o.result IS NULL ORDER BY o.payer_device_id COLLATE "C", o.rev
  LOOP
    v_result := CASE WHEN NOT v_order.is_signed THEN 'not_signed'
                     WHEN NOT v_order.is_his THEN 'not_authorised' END;
    IF v_result IS NULL AND v_order.choice = 'open' THEN
      v_result := coalesce(
        CASE WHEN NOT offline_may_order(v_order.payer_device_id, v_order.kid, v_order.wallet, p_at) THEN 'not_authorised' END,
        CASE WHEN NOT EXISTS (SELECT FROM get_offline_policy(v_order.country) y
                              WHERE y.enabled AND v_order.ceiling_minor <= y.allowance_max) THEN 'above_policy' END,
        -- What is signed in the last minute comes as late as any payment: the oldest bundle, its carrier, and a day for queues.
        wallet_core.open_allowance(v_order.payer_device_id, v_order.no, v_order.wallet, v_order.currency, v_order.ceiling_minor,
          p_at + make_interval(days => p_days),
          p_at + make_interval(days => p_days + 1) + (SELECT max(make_interval(hours => max_bundle_age_hours + max_relay_hours, mins => max_clock_skew_minutes))
                                                      FROM offline_policies), p_at),
        'opened');
    ELSIF v_result IS NULL THEN
      UPDATE wallet_core.allowances a SET state = 'closing', stated_n = v_order.n, stated_spent = v_order.spent_minor
      FROM wallet_core.accounts w
      WHERE a.device_id = v_order.payer_device_id AND a.no = v_order.no AND a.state = 'open'
        AND w.account_id = a.account_id AND w.wallet_id = v_order.wallet;
      IF FOUND THEN v_result := 'closing';
      ELSIF EXISTS (SELECT FROM offline_allowance_orders b
                    WHERE b.payer_device_id = v_order.payer_device_id AND b.no = v_order.no AND b.choice = 'open' AND b.result IS NOT NULL)
        THEN v_result := 'not_open';
      ELSE CONTINUE;
      END IF;
    END IF;
    UPDATE offline_allowance_orders o SET result = v_result, closed_at = p_at
    WHERE o.payer_device_id = v_order.payer_device_id AND o.rev = v_order.rev;
    IF v_result = 'closing' THEN
      PERFORM offline_look_at_allowances(ARRAY[v_order.payer_device_id], ARRAY[v_order.no], p_at);
    END IF;
    RETURN QUERY
      SELECT v_order.payer_device_id, v_order.rev, v_order.no, v_result,
             (SELECT a.state FROM wallet_core.allowances a WHERE a.device_id = v_order.payer_device_id AND a.no = v_order.no);
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION offline_apply_allowance_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_apply_allowance_orders TO molam_settle;

-- Gives back what is left of allowances that nothing can come under any more.
CREATE FUNCTION offline_expire_allowances(p_at timestamptz, p_max int) RETURNS TABLE (payer_device_id text, no bigint, returned_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_account bigint[];
  v_one     record;
BEGIN
  SELECT array_agg(s.account_id) INTO v_account
  FROM (SELECT account_id FROM wallet_core.allowances WHERE ended_at IS NULL AND ends_at <= p_at ORDER BY ends_at LIMIT p_max) s;
  IF v_account IS NULL THEN RETURN; END IF;
  PERFORM offline_assert_settling();
  PERFORM FROM wallet_core.accounts WHERE account_id = ANY (v_account) ORDER BY account_id FOR NO KEY UPDATE;
  -- Under the locks: another one may have ended them, and opened others.
  FOR v_one IN
    SELECT a.* FROM wallet_core.allowances a
    WHERE a.account_id = ANY (v_account) AND a.ended_at IS NULL AND a.ends_at <= p_at ORDER BY a.account_id
  LOOP
    PERFORM wallet_core.end_allowance(v_one.allowance_id, 'expired', p_at);
    RETURN QUERY SELECT v_one.device_id, v_one.no, v_one.held_minor;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION offline_expire_allowances FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_expire_allowances TO molam_settle;

-- The newest allowance that a device asked for, as it is told: the state, or why there is none; and the newest one under which it was convicted by
-- its own signatures, 0 for none.
CREATE FUNCTION offline_allowance_verdict(p_device_id text)
RETURNS TABLE (no bigint, ceiling_minor bigint, state text, until_at timestamptz, from_at timestamptz, reason text, convicted_no bigint)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT o.no, o.ceiling_minor, coalesce(a.state, 'refused'), a.until_at, a.from_at, CASE WHEN a.no IS NULL THEN o.result END,
         (SELECT coalesce(max(e.allowance_no), 0) FROM offline_allowance_evidence e WHERE e.payer_device_id = p_device_id)
  FROM offline_allowance_orders o
  LEFT JOIN wallet_core.allowances a ON a.device_id = o.payer_device_id AND a.no = o.no
  WHERE o.payer_device_id = p_device_id AND o.choice = 'open' AND o.result IS NOT NULL
    AND (o.result = 'opened' OR a.no IS NULL)
  ORDER BY o.no DESC, o.rev DESC LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION offline_allowance_verdict TO molam_record, molam_settle, molam_read;
