-- A claim is a payment without its payer's word (`offline_transactions.claim_until`). Nothing is held or moved for it. The
-- holder of the debited wallet answers with a signature of one of the wallet's own devices; confirmed it is posted if the
-- money is there then, refused it fails, and without an answer until `claim_until` it fails too.
--
-- Times are the reconciler's: an answer counts when it was recorded before `claim_until`, which is the edge's time of
-- receipt and 72 hours. When either is looked at does not matter.

-- Holders' answers, as the edge hands them on. Kept before they are carried out, so that an answer may come before its bundle.
CREATE TABLE offline_claim_answers (
  -- The order in which answers were recorded: of several to one claim the first counts.
  id              bigint GENERATED ALWAYS AS IDENTITY,
  -- The device that signed it, and its number there.
  payer_device_id text NOT NULL,
  rev             bigint NOT NULL CHECK (rev > 0),
  -- The claim, by its device and counter and by all that it says.
  device_id       text NOT NULL,
  counter         bigint NOT NULL CHECK (counter > 0),
  content_hash    bytea NOT NULL CHECK (octet_length(content_hash) = 32),
  amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
  choice          text NOT NULL CHECK (choice IN ('confirm', 'refuse')),
  -- Whose word it is: the wallet of the device's owner in the registry when it was recorded.
  payer_wallet    text NOT NULL,
  -- The signed answer: evidence.
  answer          bytea NOT NULL,
  recorded_at     timestamptz NOT NULL,
  -- Null while it is open. Only `applied` changed anything.
  --   not_authorised  the device was not active, there was no consent for its key, its tenant has not the wallet, or its key
  --                   may be in other hands
  --   not_signed      no device of the wallet has signed what the row says
  --   not_the_holder  the device is not of the debited wallet
  --   other_payment   the payment under this number says something else
  --   not_claimed     the payment waits for no answer, or not any more: it has ended, or its device was revoked
  --   too_late        recorded when the claim had ended
  --   superseded      another answer was recorded before it
  result          text CHECK (result IN ('applied', 'not_authorised', 'not_signed', 'not_the_holder', 'other_payment',
                                         'not_claimed', 'too_late', 'superseded')),
  closed_at       timestamptz,
  PRIMARY KEY (payer_device_id, rev),
  CONSTRAINT claim_answers_closed CHECK ((result IS NULL) = (closed_at IS NULL))
);
CREATE INDEX offline_claim_answers_open ON offline_claim_answers (device_id, counter) WHERE result IS NULL;
CREATE INDEX offline_claim_answers_by_claim ON offline_claim_answers (device_id, counter);
-- The newest of those that were said yes to, of which the holder is told (019.do.debits.sql).
CREATE INDEX offline_claim_answers_confirmed ON offline_claim_answers (payer_wallet, closed_at)
  WHERE result = 'applied' AND choice = 'confirm';
GRANT SELECT ON offline_claim_answers TO molam_record, molam_settle, molam_read;
-- Results are written by the function below, with what they stand for; what can count for nothing is closed as it is recorded.
GRANT INSERT (payer_device_id, rev, device_id, counter, content_hash, amount_minor, choice, payer_wallet, answer, recorded_at,
              result, closed_at)
  ON offline_claim_answers TO molam_record;

-- An answer is evidence: it says for ever what it said.
CREATE FUNCTION offline_keep_claim_answer() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an answer to a claim is never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER offline_claim_answers_kept BEFORE UPDATE ON offline_claim_answers FOR EACH ROW
  WHEN (old.result IS NOT NULL OR (to_jsonb(old) - 'result' - 'closed_at') IS DISTINCT FROM (to_jsonb(new) - 'result' - 'closed_at'))
  EXECUTE FUNCTION offline_keep_claim_answer();
CREATE TRIGGER offline_claim_answers_append_only BEFORE DELETE OR TRUNCATE ON offline_claim_answers
  FOR EACH STATEMENT EXECUTE FUNCTION offline_keep_claim_answer();

-- What can be done about claims now, by the device that recorded them: an open answer whose payment is here and not with
-- people, or a claim that has ended.
CREATE FUNCTION offline_devices_with_due_claims(p_at timestamptz, p_max int) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
  SELECT device_id FROM (
    SELECT a.device_id FROM offline_claim_answers a
    JOIN offline_transactions t USING (device_id, counter)
    WHERE a.result IS NULL AND t.status NOT IN ('review', 'quarantined')
    UNION
    SELECT t.device_id FROM offline_transactions t WHERE t.status = 'claimed' AND t.claim_until <= p_at) d
  ORDER BY device_id LIMIT p_max
$$;
GRANT EXECUTE ON FUNCTION offline_devices_with_due_claims TO molam_settle;

-- Answers that nobody has signed are nobody's word: they end, and keep no claim from ending. Whoever records answers could
-- otherwise hold up all claims of a till with one row. The caller has opened them.
CREATE FUNCTION offline_close_unsigned_answers(p_id bigint[], p_at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE offline_claim_answers SET result = 'not_signed', closed_at = p_at WHERE id = ANY (p_id) AND result IS NULL
$$;
REVOKE ALL ON FUNCTION offline_close_unsigned_answers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_close_unsigned_answers TO molam_settle;

-- Carries out what is due about the claims of these devices: each ends once, by the first answer of its wallet's holder that
-- was recorded in time, or by its time. Whoever records answers is another login; the caller has verified them, and has the locks of the devices; accounts are locked here.
CREATE FUNCTION offline_apply_claims(p_device_id text[], p_at timestamptz)
-- Of each claim that ended; answer: the device and the number of the answer that ended it, null when its time did.
RETURNS TABLE (device_id text, counter bigint, bundle_id text, status text, reason text, type text, sender text,
               payer_device_id text, answer_rev bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_device   text[];
  v_counter  bigint[];
  v_choice   text[];
  v_answer   bigint[];
  v_status   text[];
  v_reason   text[];
  v_transfer uuid[];
  v_posted   record;
  v_changed  bigint;
BEGIN
  -- What answers are worth, all but which of them is the first.
  WITH open AS (
    SELECT a.id, t.status AS payment_status,
           CASE WHEN t.content_hash <> a.content_hash OR t.amount_minor <> a.amount_minor THEN 'other_payment'
                WHEN t.sender <> a.payer_wallet THEN 'not_the_holder'
                WHEN t.claim_until IS NULL THEN 'not_claimed'
                WHEN a.recorded_at >= t.claim_until THEN 'too_late'
                WHEN t.status NOT IN ('claimed', 'review', 'quarantined') THEN 'not_claimed'
                WHEN row_number() OVER (PARTITION BY a.device_id, a.counter, a.content_hash, a.amount_minor, a.payer_wallet
                                        ORDER BY a.id) > 1 THEN 'superseded' END AS result
    FROM offline_claim_answers a JOIN offline_transactions t USING (device_id, counter)
    WHERE a.device_id = ANY (p_device_id) AND a.result IS NULL)
  UPDATE offline_claim_answers a SET result = o.result, closed_at = p_at
  FROM open o WHERE a.id = o.id AND o.result IS NOT NULL;

  SELECT array_agg(x.device_id ORDER BY x.no), array_agg(x.counter ORDER BY x.no), array_agg(x.choice ORDER BY x.no),
         array_agg(x.id ORDER BY x.no),
         array_agg(CASE x.choice WHEN 'confirm' THEN 'pending' ELSE 'failed' END ORDER BY x.no),
         array_agg(CASE x.choice WHEN 'confirm' THEN NULL WHEN 'refuse' THEN 'payer_refused'
                   ELSE 'payer_did_not_confirm' END ORDER BY x.no),
         array_agg(NULL::uuid)
  INTO v_device, v_counter, v_choice, v_answer, v_status, v_reason, v_transfer
  FROM (
    -- Who confirmed first takes the funds.
    SELECT t.device_id, t.counter, a.choice, a.id, row_number() OVER (ORDER BY a.id, t.device_id, t.counter) AS no
    FROM offline_transactions t
    -- One at the most: the others were closed above.
    LEFT JOIN offline_claim_answers a ON a.device_id = t.device_id AND a.counter = t.counter AND a.result IS NULL
    WHERE t.device_id = ANY (p_device_id) AND t.status = 'claimed' AND (a.id IS NOT NULL OR t.claim_until <= p_at)) x;
  IF v_device IS NULL THEN RETURN; END IF;

  FOR v_posted IN
    WITH batch AS (
      SELECT array_agg(x.no ORDER BY x.no) AS nos,
             array_agg(wallet_core.request_payment(t.device_id, t.counter, t.type, t.sender, t.receiver, t.amount_minor,
                                                   t.currency, t.fee_minor, t.fee_bearer, b.country, NULL)
                       ORDER BY x.no) AS transfers
      FROM unnest(v_device, v_counter, v_status) WITH ORDINALITY AS x (device_id, counter, status, no)
      JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter
      JOIN offline_tx_bundles b ON b.device_id = t.device_id AND b.bundle_id = t.bundle_id
      WHERE x.status = 'pending'
      HAVING count(*) > 0
    )
    SELECT b.nos[r.no] AS no, r.result, r.reason, r.transfer_id
    FROM batch b, wallet_core.post_transfers('payment', b.transfers, p_at) r
  LOOP
    IF v_posted.result NOT IN ('posted', 'failed') THEN
      RAISE EXCEPTION 'a claim that is open has a transfer: %', v_posted.result USING ERRCODE = 'data_corrupted';
    END IF;
    v_status[v_posted.no] := CASE v_posted.result WHEN 'posted' THEN 'succeeded' ELSE 'failed' END;
    v_reason[v_posted.no] := v_posted.reason;
    v_transfer[v_posted.no] := v_posted.transfer_id;
  END LOOP;

  UPDATE offline_transactions t
  SET status = x.status, reason = x.reason, transfer_id = x.transfer_id, status_at = p_at,
      payer_proven = x.choice IS NOT DISTINCT FROM 'confirm'
  FROM unnest(v_device, v_counter, v_choice, v_status, v_reason, v_transfer)
       AS x (device_id, counter, choice, status, reason, transfer_id)
  WHERE t.device_id = x.device_id AND t.counter = x.counter AND t.status = 'claimed';
  GET DIAGNOSTICS v_changed = ROW_COUNT;
  IF v_changed <> cardinality(v_device) THEN
    RAISE EXCEPTION 'ended % claims of %', v_changed, cardinality(v_device) USING ERRCODE = 'data_corrupted';
  END IF;
  UPDATE offline_claim_answers SET result = 'applied', closed_at = p_at WHERE id = ANY (v_answer);

  RETURN QUERY
    SELECT t.device_id, t.counter, t.bundle_id, t.status, t.reason, t.type, t.sender, a.payer_device_id, a.rev
    FROM unnest(v_device, v_counter, v_answer) WITH ORDINALITY AS x (device_id, counter, answer, no)
    JOIN offline_transactions t ON t.device_id = x.device_id AND t.counter = x.counter
    LEFT JOIN offline_claim_answers a ON a.id = x.answer
    ORDER BY x.no;
END $$;
REVOKE ALL ON FUNCTION offline_apply_claims FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_apply_claims TO molam_settle;
