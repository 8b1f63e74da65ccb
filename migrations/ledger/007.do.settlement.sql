-- A signature beside the taker's own is good for one payment: a payer's authorization ('payer') and an agent's
-- approval ('agent') are used up by the request of the taker that they answer. The first payment that shows a signature has it, also when it goes on to
-- fail. The caller holds the locks of the devices. Returns of each payment with a signature whether the signature is its own now.
CREATE FUNCTION offline_use_signatures(
  p_whose text, p_device_id text[], p_counter bigint[], p_sender text[], p_status text[], p_signer_id text[], p_once bytea[],
  p_at timestamptz
) RETURNS TABLE (no bigint, is_own boolean)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH shown AS (
      SELECT * FROM unnest(p_device_id, p_counter, p_sender, p_status, p_signer_id, p_once)
        WITH ORDINALITY AS x (device_id, counter, sender, status, signer_id, once, no)
      WHERE x.signer_id IS NOT NULL AND x.status IN ('pending', 'review', 'quarantined')
    ), by_payers AS (
      INSERT INTO offline_payer_authorizations (payer_device_id, request_id, device_id, counter, wallet, used_at)
      SELECT signer_id, once, device_id, counter, sender, p_at FROM shown WHERE p_whose = 'payer' ORDER BY signer_id, once, no
      ON CONFLICT DO NOTHING RETURNING device_id, counter
    ), by_agents AS (
      INSERT INTO offline_agent_approvals (agent_device_id, request_id, device_id, counter)
      SELECT signer_id, once, device_id, counter FROM shown WHERE p_whose = 'agent' ORDER BY device_id, once, no
      ON CONFLICT DO NOTHING RETURNING device_id, counter
    )
    SELECT s.no, u.counter IS NOT NULL
    FROM shown s LEFT JOIN (TABLE by_payers UNION ALL TABLE by_agents) u USING (device_id, counter);
END $$;
REVOKE ALL ON FUNCTION offline_use_signatures FROM PUBLIC;

-- Records the payments of a batch of bundles and posts those that are `pending`, in the order given; of those that wait
-- for a person the money is held. Of a claim nothing is: whoever has not said yes keeps what he has; one on a wallet, or for
-- one, that there is not ends at once, and one that its payer's mandate has room for is posted. A payment whose (device_id, counter) is recorded already, or comes earlier in the batch,
-- is a copy: kept, never posted.
--
-- Their bundles are recorded already, by another login: offline_signed_bundles.
--
-- The caller holds the locks of the devices (in order), so nobody else records a payment of theirs; the accounts are
-- locked here, after them. Returns what became of each, in order.
CREATE FUNCTION offline_record_transactions(
  p_device_id text[], p_counter bigint[], p_bundle_id text[], p_content_hash bytea[], p_type text[], p_method text[],
  p_amount_minor bigint[], p_currency text[], p_sender text[], p_receiver text[], p_merchant_id text[],
  p_initiated_at timestamptz[], p_day date[], p_country text[], p_received_at timestamptz[],
  p_status text[], p_reason text[], p_risk_score double precision[],
  p_payer_proven boolean[], p_payer_device_id text[], p_payer_request bytea[], p_claim_until timestamptz[],
  -- The payer's mandate, whose signature the caller has verified; null for none.
  p_mandate_device_id text[], p_mandate_rev bigint[],
  -- Whether it has the agent's approval that it needs, or needs none; and by which signature, null for none.
  p_agent_proven boolean[], p_agent_device_id text[], p_request_id bytea[],
  -- Of a refund: the payment that it gives back. Of one payment there is one refund a call, and the payment itself was recorded before.
  p_refund_of_device_id text[], p_refund_of_counter bigint[],
  -- Wallets of what the same transaction records after this call: they are locked with those of this one, in one order.
  p_wallets_after text[], p_at timestamptz,
  -- Under which allowance of p_payer_device_id it was signed, its number there, and the sum with it; null for none.
  p_allowance_no bigint[] DEFAULT NULL, p_n bigint[] DEFAULT NULL, p_spent_minor bigint[] DEFAULT NULL,
  -- Whether its phone was stopped when it came: then it has what the allowance holds, and nothing else.
  p_held_only boolean[] DEFAULT NULL
  -- hold: of a payment that waits, `placed` or why its money is not held.
) RETURNS TABLE (no bigint, status text, reason text, transfer_id uuid, hold text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
-- As post_transfers(): a table is joined by LATERAL … OFFSET 0, or it would be read as a whole.
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_seqscan = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  v_status   text[];
  v_reason   text[];
  v_copy     boolean[];
  v_proven   boolean[] := p_payer_proven;
  v_approved boolean[] := p_agent_proven;
  v_fee      bigint[];
  v_bearer   text[];
  v_transfer uuid[];
  v_hold     text[];
  v_mandated bigint[] := '{}';
  -- Of the ledger, of payments that are their payers' word; and what each of them gave.
  v_allowance bigint[];
  v_covered  bigint[];
  v_missing  bigint[];
  v_waived   bigint[];
  v_wrong    text;
  v_result   record;
  v_recorded bigint;
BEGIN
  -- Two logins must say the same of a payment: whoever recorded its signed bundle, and whoever settles it. What the edge
  -- refused stays refused, and what it holds back is not posted here.
  IF EXISTS (
    SELECT FROM unnest(p_device_id, p_bundle_id, p_counter, p_content_hash, p_type, p_method, p_amount_minor, p_currency,
                       p_sender, p_receiver, p_merchant_id, p_initiated_at, p_status, p_refund_of_device_id, p_refund_of_counter)
      AS x (device_id, bundle_id, counter, content_hash, type, method, amount_minor, currency, sender, receiver,
            merchant_id, initiated_at, status, refund_of_device_id, refund_of_counter)
    LEFT JOIN (SELECT b.device_id, b.bundle_id, p.*
               FROM (SELECT DISTINCT device_id, bundle_id
                     FROM unnest(p_device_id, p_bundle_id) AS s (device_id, bundle_id)) s
               CROSS JOIN LATERAL (SELECT device_id, bundle_id, payments FROM offline_signed_bundles
                                   WHERE device_id = s.device_id AND bundle_id = s.bundle_id OFFSET 0) b
               CROSS JOIN LATERAL unnest(b.payments) p) r
      ON r.device_id = x.device_id AND r.bundle_id = x.bundle_id AND r.counter = x.counter
    WHERE (x.content_hash, x.type, x.method, x.amount_minor, x.currency, x.sender, x.receiver, x.merchant_id,
           x.initiated_at, x.refund_of_device_id, x.refund_of_counter)
            IS DISTINCT FROM (r.content_hash, r.type, r.method, r.amount_minor, r.currency, r.sender, r.receiver,
                              r.merchant_id, r.initiated_at, r.refund_of_device_id, r.refund_of_counter)
       OR r.decision = 'refused' AND x.status <> 'refused'
       OR r.decision <> 'accepted' AND x.status = 'pending'
  ) THEN
    RAISE EXCEPTION 'a payment is not as its recorded bundle has it' USING ERRCODE = 'data_corrupted';
  END IF;
  -- That a payment fails whoever settles may say by the rules and for want of a word, which the verifier proves from the signed bytes
  -- (reconciler/verify/failures.ts). What is wanting in the ledger itself the ledger alone says, below.
  IF 'failed' = ANY (p_status) AND EXISTS (
    SELECT FROM unnest(p_device_id, p_status, p_reason, p_type) AS x (device_id, status, reason, type)
    LEFT JOIN LATERAL (SELECT owner_wallet, tenant FROM offline_devices WHERE device_id = x.device_id OFFSET 0) d ON true
    WHERE x.status = 'failed' AND NOT coalesce(
      x.reason IN ('country_disabled', 'same_wallet', 'currency_mismatch', 'method_not_allowed', 'too_old', 'limit_exceeded',
                   'payer_not_proven', 'approval_required', 'approval_invalid')
      OR x.reason = 'refund_not_possible' AND x.type = 'refund'
      OR x.reason = 'unknown_wallet' AND offline_wallet_state(d.owner_wallet, d.tenant) = 'unknown', false)
  ) THEN
    RAISE EXCEPTION 'a payment is said to fail for a reason that is not its caller’s to give' USING ERRCODE = 'data_corrupted';
  END IF;

  SELECT array_agg(CASE WHEN x.copy THEN 'refused' ELSE x.status END ORDER BY x.no),
         array_agg(CASE WHEN x.copy THEN 'duplicate' ELSE x.reason END ORDER BY x.no),
         array_agg(x.copy ORDER BY x.no)
  INTO v_status, v_reason, v_copy
  FROM (
    -- The edge refuses a copy as `duplicate`; it may well arrive here before the payment, and must not take its place.
    SELECT i.no, i.status, i.reason,
           i.status = 'refused' AND i.reason IS NOT DISTINCT FROM 'duplicate' OR t.counter IS NOT NULL
             OR row_number() OVER (PARTITION BY i.device_id, i.counter,
                                     i.status = 'refused' AND i.reason IS NOT DISTINCT FROM 'duplicate'
                                   ORDER BY i.no) > 1 AS copy
    FROM unnest(p_device_id, p_counter, p_status, p_reason)
         WITH ORDINALITY AS i (device_id, counter, status, reason, no)
    LEFT JOIN (SELECT t.*
               FROM (SELECT device_id, min(counter) AS first_counter, max(counter) AS last_counter
                     FROM unnest(p_device_id, p_counter) AS s (device_id, counter) GROUP BY device_id) s
               -- OFFSET keeps the planner from any other way than one look into the index for each device.
               CROSS JOIN LATERAL (SELECT device_id, counter FROM offline_transactions WHERE device_id = s.device_id
                                     AND counter BETWEEN s.first_counter AND s.last_counter OFFSET 0) t) t
      ON t.device_id = i.device_id AND t.counter = i.counter
  ) x;

  IF cardinality(array_remove(p_payer_device_id, NULL)) > 0 THEN
    FOR v_result IN
      SELECT s.no
      FROM offline_use_signatures('payer', p_device_id, p_counter, p_sender, v_status, p_payer_device_id, p_payer_request, p_at) s
      WHERE NOT s.is_own
    LOOP
      v_status[v_result.no] := 'failed';
      v_reason[v_result.no] := 'payer_not_proven';
      v_proven[v_result.no] := false;
    END LOOP;
  END IF;
  IF cardinality(array_remove(p_agent_device_id, NULL)) > 0 THEN
    FOR v_result IN
      SELECT s.no
      FROM offline_use_signatures('agent', p_device_id, p_counter, p_sender, v_status, p_agent_device_id, p_request_id, p_at) s
      WHERE NOT s.is_own
    LOOP
      v_status[v_result.no] := 'failed';
      v_reason[v_result.no] := 'approval_invalid';
      v_approved[v_result.no] := false;
    END LOOP;
  END IF;

  IF 'claimed' = ANY (v_status) THEN
    FOR v_result IN
      SELECT x.no FROM unnest(v_status, p_sender, p_receiver) WITH ORDINALITY AS x (status, sender, receiver, no)
      WHERE x.status = 'claimed' AND NOT (wallet_core.is_wallet(x.sender) AND wallet_core.is_wallet(x.receiver))
    LOOP
      v_status[v_result.no] := 'failed';
      v_reason[v_result.no] := 'unknown_wallet';
    END LOOP;
    IF cardinality(array_remove(p_mandate_device_id, NULL)) > 0 THEN
      SELECT coalesce(array_agg(m.no), '{}') INTO v_mandated
      FROM offline_take_mandates(p_device_id, p_counter, p_sender, p_amount_minor, p_currency, p_country, v_status,
                                 p_claim_until, p_mandate_device_id, p_mandate_rev, p_at) AS m (no);
      SELECT array_agg(CASE WHEN x.no = ANY (v_mandated) THEN 'pending' ELSE x.status END ORDER BY x.no),
             array_agg(x.proven OR x.no = ANY (v_mandated) ORDER BY x.no)
      INTO v_status, v_proven
      FROM unnest(v_status, v_proven) WITH ORDINALITY AS x (status, proven, no);
    END IF;
  END IF;

  IF EXISTS (SELECT FROM offline_fee_rules) THEN
    SELECT array_agg(coalesce(r.fee_minor, 0) ORDER BY x.no), array_agg(r.bearer ORDER BY x.no)
    INTO v_fee, v_bearer
    FROM unnest(p_country, p_type, p_currency, p_amount_minor, p_received_at)
         WITH ORDINALITY AS x (country, type, currency, amount_minor, received_at, no)
    LEFT JOIN LATERAL (
      SELECT f.fee_minor, CASE WHEN f.fee_minor > 0 THEN f.bearer END AS bearer
      FROM (SELECT offline_fee_minor(x.amount_minor, r.flat_minor, r.basis_points, r.bearer) AS fee_minor, r.bearer
            FROM offline_fee_rules r
            WHERE r.country = x.country AND r.type = x.type AND r.currency = x.currency
              AND r.effective_from <= x.received_at
            ORDER BY r.version DESC LIMIT 1) f) r ON true;
  END IF;

  IF cardinality(p_wallets_after) > 0 OR 'refund' = ANY (p_type) THEN
    PERFORM wallet_core.lock_wallets(p_sender || p_receiver || p_wallets_after || ARRAY(
      SELECT DISTINCT wallet_core.fee_account(c, y) FROM unnest(p_country, p_currency) AS x (c, y)));
  END IF;
  IF 'refund' = ANY (p_type) THEN
    FOR v_result IN
      SELECT f.no, f.reason, f.may_come
      FROM offline_refund_faults(p_type, p_sender, p_receiver, p_amount_minor, p_currency, p_refund_of_device_id,
                                 p_refund_of_counter) f
      WHERE v_status[f.no] = 'pending'
    LOOP
      -- What it gives back is not paid yet: a person waits for that too. Everything else will never be.
      v_status[v_result.no] := CASE WHEN v_result.may_come THEN 'review' ELSE 'failed' END;
      v_reason[v_result.no] := v_result.reason;
    END LOOP;
  END IF;

  IF cardinality(array_remove(p_allowance_no, NULL)) > 0 THEN
    SELECT offline_allowances_of(array_agg(x.payer_device_id ORDER BY x.no),
                                 array_agg(CASE WHEN x.proven AND (x.status = 'pending' OR x.approved AND x.status IN ('review', 'quarantined'))
                                                THEN x.allowance_no END ORDER BY x.no), p_sender, p_currency) INTO v_allowance
    FROM unnest(p_payer_device_id, p_allowance_no, v_proven, v_approved, v_status) WITH ORDINALITY
           AS x (payer_device_id, allowance_no, proven, approved, status, no);
  END IF;

  IF true = ANY (p_held_only) THEN
    -- Under an allowance that there is not, it has no word but that of a phone that was stopped.
    SELECT array_agg(CASE WHEN x.wordless THEN 'failed' ELSE x.status END ORDER BY x.no),
           array_agg(CASE WHEN x.wordless THEN 'payer_not_proven' ELSE x.reason END ORDER BY x.no),
           array_agg(x.proven AND NOT x.wordless ORDER BY x.no)
    INTO v_status, v_reason, v_proven
    FROM (SELECT *, y.held_only AND y.allowance_id IS NULL AND y.status IN ('pending', 'review', 'quarantined') AS wordless
          FROM unnest(v_status, v_reason, v_proven, p_held_only, v_allowance)
            WITH ORDINALITY AS y (status, reason, proven, held_only, allowance_id, no)) x;
  END IF;

  WITH due AS (
    SELECT * FROM unnest(p_device_id, p_counter, p_type, p_sender, p_receiver, p_amount_minor, p_currency, v_status,
                         p_country, v_fee, v_bearer, v_proven, v_approved, v_allowance, p_held_only)
      WITH ORDINALITY AS x (device_id, counter, type, sender, receiver, amount_minor, currency, status,
                            country, fee_minor, bearer, payer_proven, agent_proven, allowance_id, held_only, no)
    -- What can never be posted holds nobody's money.
    WHERE x.status = 'pending' OR x.payer_proven AND x.agent_proven AND x.status IN ('review', 'quarantined')
  ), batch AS (
    SELECT array_agg(no ORDER BY no) AS nos, array_agg(transfer ORDER BY no) AS transfers,
           array_agg(allowance_id ORDER BY no) AS allowances, array_agg(held_only ORDER BY no) AS held_only
    FROM (SELECT no, allowance_id, held_only, wallet_core.request_payment(device_id, counter, type, sender, receiver, amount_minor, currency,
                                                 fee_minor, bearer, country,
                                                 CASE WHEN status <> 'pending' THEN 'hold' END) AS transfer
          FROM due) d
    HAVING count(*) > 0
  ), posted AS (
    SELECT b.nos[r.no] AS no, r.result, r.reason, r.transfer_id, r.covered_minor, r.missing_minor, r.waived_minor
    FROM batch b, wallet_core.post_transfers('payment', b.transfers, p_at, b.allowances, b.held_only) r
  )
  SELECT array_agg(CASE WHEN x.status <> 'pending' THEN x.status WHEN r.result = 'posted' THEN 'succeeded'
                        ELSE 'failed' END ORDER BY x.no),
         array_agg(CASE WHEN x.status <> 'pending' THEN x.reason
                        WHEN r.result = 'posted' AND x.no = ANY (v_mandated) THEN 'mandated'
                        ELSE r.reason END ORDER BY x.no),
         array_agg(r.transfer_id ORDER BY x.no),
         array_agg(CASE WHEN x.status IN ('review', 'quarantined')
                        THEN CASE r.result WHEN 'held' THEN 'placed'
                                           ELSE coalesce(r.reason, CASE WHEN x.payer_proven THEN 'approval_invalid'
                                                                        ELSE 'payer_not_proven' END) END END
                   ORDER BY x.no),
         min(r.result) FILTER (WHERE r.result NOT IN ('posted', 'failed', 'held')),
         array_agg(coalesce(r.covered_minor, 0) ORDER BY x.no), array_agg(coalesce(r.missing_minor, 0) ORDER BY x.no),
         array_agg(coalesce(r.waived_minor, 0) ORDER BY x.no)
  INTO v_status, v_reason, v_transfer, v_hold, v_wrong, v_covered, v_missing, v_waived
  FROM unnest(v_status, v_reason, v_proven) WITH ORDINALITY AS x (status, reason, payer_proven, no)
  LEFT JOIN posted r ON r.no = x.no;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'a payment that is not recorded has a transfer or a hold: %', v_wrong
      USING ERRCODE = 'data_corrupted';
  END IF;

  IF v_allowance IS NOT NULL AND v_fee IS NOT NULL THEN
    SELECT array_agg(CASE WHEN x.waived > 0 THEN 0 ELSE x.fee END ORDER BY x.no),
           array_agg(CASE WHEN x.waived > 0 THEN NULL ELSE x.bearer END ORDER BY x.no)
    INTO v_fee, v_bearer FROM unnest(v_fee, v_bearer, v_waived) WITH ORDINALITY AS x (fee, bearer, waived, no);
  END IF;

  INSERT INTO offline_transactions (device_id, counter, bundle_id, content_hash, type, method, amount_minor, currency,
    sender, receiver, merchant_id, initiated_at, status, reason, payer_proven, agent_proven, claim_until, fee_minor,
    fee_bearer, risk_score, transfer_id, refund_of_device_id, refund_of_counter, status_at)
  SELECT x.device_id, x.counter, x.bundle_id, x.content_hash, x.type, x.method, x.amount_minor, x.currency,
         x.sender, x.receiver, x.merchant_id, x.initiated_at, x.status, x.reason, x.payer_proven, x.agent_proven, x.claim_until,
         coalesce(x.fee_minor, 0), x.bearer, x.risk_score, x.transfer_id, x.refund_of_device_id, x.refund_of_counter, p_at
  FROM unnest(p_device_id, p_counter, p_bundle_id, p_content_hash, p_type, p_method, p_amount_minor, p_currency,
              p_sender, p_receiver, p_merchant_id, p_initiated_at, v_status, v_reason, v_proven, v_approved, p_claim_until, v_fee, v_bearer,
              p_risk_score, v_transfer, p_refund_of_device_id, p_refund_of_counter, v_copy)
       AS x (device_id, counter, bundle_id, content_hash, type, method, amount_minor, currency,
             sender, receiver, merchant_id, initiated_at, status, reason, payer_proven, agent_proven, claim_until, fee_minor,
             bearer, risk_score, transfer_id, refund_of_device_id, refund_of_counter, copy)
  WHERE NOT x.copy;
  GET DIAGNOSTICS v_recorded = ROW_COUNT;

  IF true = ANY (v_copy) THEN
    INSERT INTO offline_tx_copies (device_id, counter, bundle_id, content_hash, recorded_at)
    SELECT x.device_id, x.counter, x.bundle_id, x.content_hash, p_at
    FROM unnest(p_device_id, p_counter, p_bundle_id, p_content_hash, v_copy)
         AS x (device_id, counter, bundle_id, content_hash, copy)
    WHERE x.copy;
  END IF;

  IF v_recorded <> cardinality(array_remove(v_copy, true)) THEN
    RAISE EXCEPTION 'recorded % payments of %', v_recorded, cardinality(v_copy) USING ERRCODE = 'data_corrupted';
  END IF;

  IF cardinality(array_remove(v_allowance, NULL)) > 0 THEN
    PERFORM offline_record_spending(
      array_agg(x.device_id ORDER BY x.no), array_agg(x.counter ORDER BY x.no), array_agg(x.payer_device_id ORDER BY x.no),
      array_agg(x.allowance_no ORDER BY x.no), array_agg(x.n ORDER BY x.no), array_agg(x.spent_minor ORDER BY x.no),
      array_agg(x.amount_minor ORDER BY x.no), array_agg(x.covered ORDER BY x.no),
      -- Of one that waits for people nothing is known yet.
      array_agg(CASE WHEN x.status = 'failed' THEN x.missing ELSE 0 END ORDER BY x.no), array_agg(x.waived ORDER BY x.no), p_at)
    FROM unnest(p_device_id, p_counter, p_payer_device_id, p_allowance_no, p_n, p_spent_minor, p_amount_minor, v_covered, v_missing,
                v_waived, v_status, v_allowance)
         WITH ORDINALITY AS x (device_id, counter, payer_device_id, allowance_no, n, spent_minor, amount_minor, covered, missing, waived,
                               status, allowance_id, no)
    WHERE x.allowance_id IS NOT NULL;
  END IF;

  PERFORM record_device_activity(array_agg(x.device_id), array_agg(x.day), array_agg(x.currency),
                                 array_agg(x.amount_minor))
  FROM unnest(p_device_id, p_day, p_currency, p_amount_minor, v_status)
       AS x (device_id, day, currency, amount_minor, status)
  WHERE x.status <> 'refused';

  RETURN QUERY
    SELECT x.no, x.status, x.reason, x.transfer_id, x.hold
    FROM unnest(v_status, v_reason, v_transfer, v_hold)
         WITH ORDINALITY AS x (status, reason, transfer_id, hold, no)
    ORDER BY x.no;
END $$;
REVOKE ALL ON FUNCTION offline_record_transactions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_record_transactions TO molam_settle;
