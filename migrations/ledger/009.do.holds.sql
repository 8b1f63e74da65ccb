-- Money of a payment that waits for a person is held on its payer's account, so that it cannot be spent meanwhile. The hold
-- is placed when the payment is recorded and ended when its resolution is carried out, in the same transaction as either.
-- A hold is of the whole amount with the payer's fee; there is no hold of a part.
CREATE TABLE wallet_core.holds (
  -- The payment: its device and its counter.
  source_id    text NOT NULL,
  source_no    bigint NOT NULL,
  account_id   bigint NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  placed_at    timestamptz NOT NULL,
  ended_at     timestamptz,
  ended_by     text CHECK (ended_by IN ('posted', 'released')),
  PRIMARY KEY (source_id, source_no),
  CONSTRAINT holds_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX holds_open ON wallet_core.holds (account_id) WHERE ended_at IS NULL;

-- Ended once, and otherwise as it was placed.
CREATE TRIGGER holds_end_once BEFORE UPDATE ON wallet_core.holds FOR EACH ROW
  WHEN (old.ended_at IS NOT NULL
        OR (old.source_id, old.source_no, old.account_id, old.amount_minor, old.placed_at)
           IS DISTINCT FROM (new.source_id, new.source_no, new.account_id, new.amount_minor, new.placed_at))
  EXECUTE FUNCTION wallet_core.refuse_change();
CREATE TRIGGER holds_append_only BEFORE DELETE OR TRUNCATE ON wallet_core.holds
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON wallet_core.holds TO molam_record, molam_settle, molam_read;

-- The two that write holds. Both are called by post_transfers() alone, which holds the locks of the accounts and has found
-- that it can be done; without anything to do (null) they do nothing.
CREATE FUNCTION wallet_core.place_holds(
  p_source_id text[], p_source_no bigint[], p_account_id bigint[], p_amount_minor bigint[], p_at timestamptz
) RETURNS void
LANGUAGE plpgsql STRICT SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_done record;
BEGIN
  WITH placed AS (
    INSERT INTO holds (source_id, source_no, account_id, amount_minor, placed_at)
    SELECT x.*, p_at FROM unnest(p_source_id, p_source_no, p_account_id, p_amount_minor) x
    RETURNING amount_minor
  ), kept AS (
    UPDATE accounts a SET held_minor = a.held_minor + s.amount_minor
    FROM (SELECT account_id, sum_minor(amount_minor) AS amount_minor
          FROM unnest(p_account_id, p_amount_minor) AS x (account_id, amount_minor) GROUP BY account_id) s
    WHERE a.account_id = ANY (p_account_id) AND a.account_id = s.account_id
    RETURNING s.amount_minor
  )
  SELECT (SELECT sum(amount_minor) FROM placed) AS placed, (SELECT sum(amount_minor) FROM kept) AS kept INTO v_done;
  IF v_done.placed IS DISTINCT FROM v_done.kept THEN
    RAISE EXCEPTION 'placing holds is not balanced: %', v_done USING ERRCODE = 'data_corrupted';
  END IF;
END $$;
REVOKE ALL ON FUNCTION wallet_core.place_holds FROM PUBLIC;

CREATE FUNCTION wallet_core.end_holds(
  p_source_id text[], p_source_no bigint[], p_account_id bigint[], p_amount_minor bigint[], p_ended_by text[],
  p_at timestamptz
) RETURNS void
LANGUAGE plpgsql STRICT SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_done record;
BEGIN
  WITH ended AS (
    UPDATE holds h SET ended_at = p_at, ended_by = x.ended_by
    FROM unnest(p_source_id, p_source_no, p_ended_by) AS x (source_id, source_no, ended_by)
    WHERE h.source_id = ANY (p_source_id) AND h.source_id = x.source_id AND h.source_no = x.source_no
    RETURNING h.amount_minor
  ), given_back AS (
    UPDATE accounts a SET held_minor = a.held_minor - s.amount_minor
    FROM (SELECT account_id, sum_minor(amount_minor) AS amount_minor
          FROM unnest(p_account_id, p_amount_minor) AS x (account_id, amount_minor) GROUP BY account_id) s
    WHERE a.account_id = ANY (p_account_id) AND a.account_id = s.account_id
    RETURNING s.amount_minor
  )
  SELECT (SELECT sum(amount_minor) FROM ended) AS ended, (SELECT sum(amount_minor) FROM given_back) AS given_back
  INTO v_done;
  IF v_done.ended IS DISTINCT FROM v_done.given_back THEN
    RAISE EXCEPTION 'ending holds is not balanced: %', v_done USING ERRCODE = 'data_corrupted';
  END IF;
END $$;
REVOKE ALL ON FUNCTION wallet_core.end_holds FROM PUBLIC;

-- Whoever ends a payment's waiting ends its hold before.
CREATE FUNCTION offline_holds_no_more() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM wallet_core.holds
             WHERE source_id = new.device_id AND source_no = new.counter AND ended_at IS NULL) THEN
    RAISE EXCEPTION 'money is held for a payment that waits no more' USING ERRCODE = 'data_corrupted';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER offline_transactions_hold AFTER UPDATE OF status ON offline_transactions FOR EACH ROW
  WHEN (old.status IN ('review', 'quarantined') AND new.status NOT IN ('review', 'quarantined'))
  EXECUTE FUNCTION offline_holds_no_more();

-- Payments that wait for a person, and whether their money is held meanwhile. What could not be held is tried when it is
-- approved, and fails if the money is not there then.
CREATE VIEW offline_waiting_payments AS
  SELECT t.device_id, t.counter, t.bundle_id, t.status, t.status_at AS waiting_since, h.source_id IS NOT NULL AS is_held
  FROM offline_transactions t
  LEFT JOIN wallet_core.holds h ON h.source_id = t.device_id AND h.source_no = t.counter AND h.ended_at IS NULL
  WHERE t.status IN ('review', 'quarantined');
GRANT SELECT ON offline_waiting_payments TO molam_record, molam_settle, molam_read;
