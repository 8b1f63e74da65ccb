-- Postgres sums bigint as numeric, which is slow when it is done for each entry. This sum stays a bigint; one that does
-- not fit is an error.
CREATE AGGREGATE wallet_core.sum_minor(bigint) (SFUNC = int8pl, STYPE = bigint, INITCOND = '0');

-- A transfer as it is asked for.
CREATE TYPE wallet_core.requested_transfer AS (
  -- What it is for; for a payment the device and its counter.
  source_id     text,
  source_no     bigint,
  -- Of a payment: says what kinds of accounts it is between.
  type          text,
  debit_wallet  text,
  credit_wallet text,
  amount_minor  bigint,
  currency      text,
  -- Null or 0 without one; then the two others are null.
  fee_minor     bigint,
  fee_bearer    text,
  fee_account   text,
  -- Of one that waits for a person or did; null: it is posted, and nothing is held for it.
  step          text
);

-- Posts a batch of transfers. All money moves through this function. The application cannot call it: what it calls
-- (recording payments, carrying out resolutions) writes the payment that a transfer is for in the same transaction.
--
--   lock the accounts in order → look up what is posted already and what cannot be → fees → holds → funds → write the rest
--
-- Each transfer fails or succeeds for itself, in the order of the batch: one that would take more than its wallet has
-- available fails, those after it go on, and a credit counts for the debits after it. Returns a row for each transfer,
-- numbered as in the batch: posted; exists (the same was posted before); conflict (another was posted under this source);
-- failed.
--
-- A transfer that waits for a person comes twice, and its step says which time it is. First `hold`: as much as posting would
-- take is kept on the debited account (held), or it could not be posted now either and nothing is (failed, with the
-- reason). Then `post`, which has what is held for it, or `release` (released). Both end the hold, whatever comes of them.
--
-- A payment that its payer signed under an allowance (018.do.allowances.sql) has what that holds for it, as far as it goes, and the rest
-- from what is available; what is held for an allowance is there for no other. One that neither pays fails as a whole, `allowance_shortfall`.
-- The payer's fee is no part of what is held for: it is paid out of what is available, or not at all, so that no tariff can make a
-- payment fail that its taker was told is covered.
--
-- A payment has a type, which says what kinds of accounts it is between, and may carry a fee: a second transfer under the
-- same source, from whoever bears it to the fee account, posted with the first or not at all. A reversal gives both back.
CREATE FUNCTION wallet_core.post_transfers(
  p_kind text, p_batch wallet_core.requested_transfer[], p_at timestamptz,
  -- Of each transfer, the allowance that it was signed under; null for none, and for none of the batch.
  p_allowance bigint[] DEFAULT NULL,
  -- Whether it has that and nothing else: its phone was stopped when it came, and its taker was told that it is covered.
  p_held_only boolean[] DEFAULT NULL
  -- hold: what became of it, `placed`, `posted` or `released`; null where there was none.
  -- covered_minor: how much its allowance paid; missing_minor: of one that fails for it, what was not there; waived_minor: the
  -- payer's fee that it was posted without. Null without an allowance.
) RETURNS TABLE (no bigint, result text, reason text, transfer_id uuid, hold text, covered_minor bigint, missing_minor bigint,
                 waived_minor bigint)
LANGUAGE plpgsql
SET search_path = wallet_core, pg_temp
-- The planner takes any array for one of ten elements, and the tables for what they were when it looked. One plan that is
-- right for thousands: tables are read by their indexes, everything else is joined by hash.
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_seqscan = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  v_wallets    text[];
  -- Of the whole batch: nothing has to be looked at for fees or for holds.
  v_has_fees   boolean;
  v_has_steps  boolean;
  -- As they are under the locks, in order.
  v_account    accounts[];
  v_locked     bigint[];
  v_result     text[];
  v_reason     text[];
  v_id         uuid[];
  v_debit      bigint[];
  v_credit     bigint[];
  -- What the debited wallet needs and what the credited one has of it, fees included.
  v_out        bigint[];
  v_in         bigint[];
  v_fee_from   bigint[];
  v_fee_to     bigint[];
  -- What the debited wallet has above its floor and what is held; null without a floor.
  v_funds      bigint[];
  -- Of the holds that end here.
  v_ending     bigint[];
  v_wrong      boolean;
  v_short      bigint[];
  v_available  bigint[];
  -- Allowances of the batch, what each holds still, and of each transfer which one of them it has.
  v_allowance  bigint[];
  v_left       bigint[];
  v_at         int[];
  v_covered    bigint[];
  v_missing    bigint[];
  v_waived     bigint[];
  v_take       bigint;
  v_fee        bigint;
  v_payment    record;
  v_done       record;
BEGIN
  IF coalesce(cardinality(p_batch), 0) = 0 THEN RETURN; END IF;
  -- Asked in the transaction that posts, so that no process can go on (012.do.halts.sql).
  PERFORM public.offline_assert_settling();
  IF EXISTS (SELECT FROM unnest(p_batch) GROUP BY source_id, source_no HAVING count(*) > 1) THEN
    RAISE EXCEPTION 'one source twice in a batch' USING ERRCODE = 'cardinality_violation';
  END IF;
  SELECT array_agg(debit_wallet) || array_agg(credit_wallet) || array_agg(fee_account),
         array_agg(amount_minor), bool_or(fee_minor <> 0), bool_or(step IS NOT NULL)
  INTO v_wallets, v_out, v_has_fees, v_has_steps FROM unnest(p_batch);
  v_in := v_out;

  -- In order of the account, so that two batches cannot deadlock. What follows reads what holds under the locks.
  SELECT array_agg(account), array_agg((account).account_id) INTO v_account, v_locked
  FROM (SELECT a FROM accounts a WHERE wallet_id = ANY (v_wallets)
        ORDER BY account_id FOR NO KEY UPDATE) l (account);

  -- Look up: what is known without looking at funds. A payment never touches a system account: to a device it is unknown, or a
  -- device could name the account without a floor as its payer. Who takes in cash against electronic money, or gives it
  -- out, is an agent; who sells is a merchant, or an agent with a shop: a device cannot choose a cheaper type.
  SELECT array_agg(d.account_id ORDER BY x.no), array_agg(c.account_id ORDER BY x.no),
         array_agg(coalesce(t.transfer_id, uuidv7()) ORDER BY x.no),
         array_agg(CASE
           WHEN t.transfer_id IS NULL THEN NULL
           WHEN (t.debit_account_id, t.credit_account_id, t.amount_minor, t.currency)
             IS NOT DISTINCT FROM (d.account_id, c.account_id, x.amount_minor, x.currency) THEN 'exists'
           ELSE 'conflict' END ORDER BY x.no),
         array_agg(CASE
           WHEN d.account_id IS NULL OR c.account_id IS NULL THEN 'unknown_wallet'
           WHEN d.currency <> x.currency OR c.currency <> x.currency THEN 'currency_mismatch'
           WHEN d.frozen OR c.frozen THEN 'wallet_frozen'
           WHEN x.type = 'merchant' AND c.kind NOT IN ('merchant', 'agent')
             OR x.type = 'cashin' AND d.kind <> 'agent'
             OR x.type = 'cashout' AND c.kind <> 'agent'
             OR x.type = 'agent' AND 'agent' NOT IN (d.kind, c.kind) THEN 'wallet_kind_mismatch' END ORDER BY x.no),
         array_agg(d.balance_minor - d.held_minor - d.floor_minor ORDER BY x.no)
  INTO v_debit, v_credit, v_id, v_result, v_reason, v_funds
  FROM unnest(p_batch) WITH ORDINALITY AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor,
                                             currency, fee_minor, fee_bearer, fee_account, step, no)
  LEFT JOIN unnest(v_account) d ON d.wallet_id = x.debit_wallet AND (p_kind <> 'payment' OR d.kind <> 'system')
  LEFT JOIN unnest(v_account) c ON c.wallet_id = x.credit_wallet AND (p_kind <> 'payment' OR c.kind <> 'system')
  -- A source counts its payments: what it has posted in the range of the batch is read at once, and mostly is nothing.
  LEFT JOIN (SELECT t.*
             FROM (SELECT source_id, min(source_no) AS first_no, max(source_no) AS last_no
                   FROM unnest(p_batch) GROUP BY source_id) s
             -- OFFSET keeps the planner from any other way than one look into the index for each source.
             CROSS JOIN LATERAL (SELECT * FROM transfers WHERE source_id = s.source_id AND kind = p_kind
                                   AND source_no BETWEEN s.first_no AND s.last_no OFFSET 0) t) t
    ON t.source_id = x.source_id AND t.source_no = x.source_no;

  -- Fees: who gives and gets how much more or less.
  IF v_has_fees THEN
    -- The payer is debited by a payment and credited by its reversal, the payee the other way round.
    SELECT array_agg(CASE WHEN x.fee_bearer = s.debited THEN x.amount_minor + s.sign * x.fee_minor
                     ELSE x.amount_minor END ORDER BY x.no),
           array_agg(CASE WHEN x.fee_bearer <> s.debited THEN x.amount_minor - s.sign * x.fee_minor
                     ELSE x.amount_minor END ORDER BY x.no),
           array_agg(CASE WHEN x.fee_minor > 0 THEN CASE WHEN s.sign < 0 THEN f.account_id
                     WHEN x.fee_bearer = s.debited THEN x.debit ELSE x.credit END END ORDER BY x.no),
           array_agg(CASE WHEN x.fee_minor > 0 THEN CASE WHEN s.sign > 0 THEN f.account_id
                     WHEN x.fee_bearer = s.debited THEN x.debit ELSE x.credit END END ORDER BY x.no)
    INTO v_out, v_in, v_fee_from, v_fee_to
    FROM unnest(p_batch, v_debit, v_credit)
         WITH ORDINALITY AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor, currency, fee_minor,
                               fee_bearer, fee_account, step, debit, credit, no)
    CROSS JOIN (SELECT CASE p_kind WHEN 'reversal' THEN 'payee' ELSE 'payer' END AS debited,
                       CASE p_kind WHEN 'reversal' THEN -1 ELSE 1 END AS sign) s
    LEFT JOIN unnest(v_account) f ON f.wallet_id = x.fee_account AND f.kind = 'system' AND x.fee_minor > 0;
    IF EXISTS (SELECT FROM unnest(p_batch, v_fee_from, v_fee_to, v_result, v_reason)
                 AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor, currency, fee_minor,
                       fee_bearer, fee_account, step, fee_from, fee_to, result, reason)
               WHERE x.result IS NULL AND x.reason IS NULL
                 AND (x.fee_minor < 0 OR x.fee_minor > 0
                      AND (x.fee_from IS NULL OR x.fee_to IS NULL OR x.fee_bearer IS NULL OR p_kind = 'funding'
                           -- More than a payee is given could take its wallet below the floor. With a reversal the payee
                           -- gets the fee back, which may be more than what refunds have left of the payment.
                           OR x.fee_bearer = 'payee' AND x.fee_minor > x.amount_minor AND p_kind <> 'reversal'))) THEN
      RAISE EXCEPTION 'a fee that cannot be posted' USING ERRCODE = 'data_corrupted';
    END IF;
  END IF;

  IF v_has_steps THEN
    -- Holds: what each takes of what is available: to hold as much as to post; nothing when it is held already; and a hold that
    -- ends without a posting gives back to those after it.
    SELECT array_agg(x.outcome ORDER BY x.no), array_agg(x.ending_minor ORDER BY x.no),
           array_agg(CASE WHEN x.goes_on THEN x.out_minor ELSE 0 END - coalesce(x.ending_minor, 0) ORDER BY x.no),
           array_agg(CASE WHEN x.goes_on AND x.step = 'post' THEN x.in_minor ELSE 0 END ORDER BY x.no),
           bool_or(x.step <> 'hold' AND x.is_open AND NOT x.is_same)
    INTO v_result, v_ending, v_out, v_in, v_wrong
    FROM (
      SELECT x.*, x.outcome IS NULL AND x.reason IS NULL AS goes_on,
             CASE WHEN x.step = 'post' AND x.outcome IS NULL OR x.step = 'release' THEN x.open_minor END AS ending_minor
      FROM (
        SELECT x.no, x.step, x.out_minor, x.in_minor, x.reason, h.open_minor, h.is_open, h.is_same,
               CASE WHEN x.step = 'release' THEN 'released'
                    WHEN x.step = 'post' OR x.result IS NOT NULL OR h.is_open IS NULL THEN x.result
                    WHEN h.is_same THEN 'exists'
                    ELSE 'conflict' END AS outcome
        FROM (SELECT x.*, coalesce(x.asked_step, 'post') AS step
              FROM unnest(p_batch, v_debit, v_out, v_in, v_result, v_reason)
                   WITH ORDINALITY AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor, currency,
                                         fee_minor, fee_bearer, fee_account, asked_step, debit, out_minor, in_minor,
                                         result, reason, no)) x
        LEFT JOIN LATERAL (
          SELECT ended_at IS NULL AS is_open, CASE WHEN ended_at IS NULL THEN amount_minor END AS open_minor,
                 (account_id, amount_minor) IS NOT DISTINCT FROM (x.debit, x.out_minor) AS is_same
          FROM holds WHERE source_id = x.source_id AND source_no = x.source_no OFFSET 0) h ON true) x) x;
    IF v_wrong THEN
      RAISE EXCEPTION 'a hold of another amount or account' USING ERRCODE = 'data_corrupted';
    END IF;
  END IF;

  -- Allowances: of the debited account, and as they are under its lock. Another one, or one that has ended, holds nothing for it.
  IF cardinality(array_remove(p_allowance, NULL)) > 0 THEN
    SELECT array_agg(a.allowance_id), array_agg(a.held_minor) INTO v_allowance, v_left
    FROM allowances a WHERE a.allowance_id = ANY (p_allowance) AND a.account_id = ANY (v_locked);
    SELECT array_agg(CASE WHEN x.allowance_id IS NOT NULL THEN coalesce(l.at, 0) END ORDER BY x.no),
           array_agg(CASE WHEN x.allowance_id IS NOT NULL THEN 0 END ORDER BY x.no),
           array_agg(NULL::bigint), array_agg(CASE WHEN x.allowance_id IS NOT NULL THEN 0 END ORDER BY x.no)
    INTO v_at, v_covered, v_missing, v_waived
    FROM unnest(p_allowance, v_debit, v_result) WITH ORDINALITY AS x (allowance_id, debit, result, no)
    LEFT JOIN (SELECT l.at, a.allowance_id, a.account_id, a.currency
               FROM unnest(v_allowance) WITH ORDINALITY AS l (allowance_id, at)
               JOIN allowances a ON a.allowance_id = ANY (v_allowance) AND a.allowance_id = l.allowance_id) l
      ON l.allowance_id = x.allowance_id AND l.account_id = x.debit;
  END IF;

  -- Funds: accounts that could fall below their floor if all their debits came before their credits. Mostly there are none.
  SELECT array_agg(s.account_id), array_agg(s.available) INTO v_short, v_available
  FROM (
    SELECT x.account_id, x.available
    FROM unnest(v_debit, v_funds, v_out, v_result, v_reason, v_at)
         AS x (account_id, available, out_minor, result, reason, allowance_at)
    WHERE x.result IS NULL AND x.reason IS NULL AND x.available IS NOT NULL
    GROUP BY x.account_id, x.available
    HAVING x.available < sum(x.out_minor) OR bool_or(x.allowance_at IS NOT NULL)
  ) s;

  -- Only the transfers of those accounts are walked through one by one, and only to decide: every other debit has its
  -- funds whatever happens here.
  IF v_short IS NOT NULL THEN
    FOR v_payment IN
      SELECT x.no, x.out_minor, x.in_minor, d.at AS debit, c.at AS credit, x.allowance_at
      FROM unnest(v_debit, v_credit, v_out, v_in, v_result, v_reason, v_at)
           WITH ORDINALITY AS x (debit, credit, out_minor, in_minor, result, reason, allowance_at, no)
      LEFT JOIN unnest(v_short) WITH ORDINALITY AS d (account_id, at) ON d.account_id = x.debit
      LEFT JOIN unnest(v_short) WITH ORDINALITY AS c (account_id, at) ON c.account_id = x.credit
      -- Those that go on, and holds that end.
      WHERE (x.result IS NULL AND x.reason IS NULL OR x.out_minor < 0) AND (d.at IS NOT NULL OR c.at IS NOT NULL)
      ORDER BY x.no
    LOOP
      IF v_payment.debit IS NOT NULL THEN
        IF v_payment.allowance_at IS NOT NULL AND v_payment.out_minor > 0 THEN
          -- Without the payer's fee, which is what goes out beyond the amount.
          v_fee := v_payment.out_minor - (p_batch[v_payment.no]).amount_minor;
          v_take := least(coalesce(v_left[v_payment.allowance_at], 0), v_payment.out_minor - v_fee);
          IF p_held_only[v_payment.no] OR v_available[v_payment.debit] < v_payment.out_minor - v_take THEN
            v_waived[v_payment.no] := v_fee;
            v_payment.out_minor := v_payment.out_minor - v_fee;
          END IF;
          IF (CASE WHEN p_held_only[v_payment.no] THEN 0 ELSE v_available[v_payment.debit] END) < v_payment.out_minor - v_take THEN
            v_reason[v_payment.no] := 'allowance_shortfall';
            v_missing[v_payment.no] := v_payment.out_minor - v_take
              - CASE WHEN p_held_only[v_payment.no] THEN 0 ELSE v_available[v_payment.debit] END;
            v_waived[v_payment.no] := 0;
            CONTINUE;
          END IF;
          IF v_waived[v_payment.no] > 0 THEN
            v_out[v_payment.no] := v_payment.out_minor;
            v_fee_from[v_payment.no] := NULL;
          END IF;
          IF v_take > 0 THEN
            v_left[v_payment.allowance_at] := v_left[v_payment.allowance_at] - v_take;
            v_covered[v_payment.no] := v_take;
            v_payment.out_minor := v_payment.out_minor - v_take;
          END IF;
        END IF;
        IF v_available[v_payment.debit] < v_payment.out_minor THEN
          v_reason[v_payment.no] := 'insufficient_funds';
          CONTINUE;
        END IF;
        v_available[v_payment.debit] := v_available[v_payment.debit] - v_payment.out_minor;
      END IF;
      IF v_payment.credit IS NOT NULL THEN
        v_available[v_payment.credit] := v_available[v_payment.credit] + v_payment.in_minor;
      END IF;
    END LOOP;
  END IF;

  -- Write, and check what was written.
  IF v_allowance IS NOT NULL THEN
    -- Before the postings, for the same reason as holds that end.
    PERFORM consume_allowances(array_agg(v_allowance[x.at]), array_agg(x.debit), array_agg(x.covered))
    FROM unnest(v_at, v_debit, v_covered) AS x (at, debit, covered) WHERE x.covered > 0;
  END IF;
  IF v_has_steps THEN
    -- Before the postings, and what is placed after them: at no time is more held than there is.
    PERFORM end_holds(array_agg(x.source_id), array_agg(x.source_no), array_agg(x.debit), array_agg(x.ending_minor),
                      array_agg(CASE WHEN x.result IS NULL AND x.reason IS NULL THEN 'posted' ELSE 'released' END), p_at)
    FROM unnest(p_batch, v_debit, v_ending, v_result, v_reason)
         AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor, currency, fee_minor, fee_bearer,
               fee_account, step, debit, ending_minor, result, reason)
    WHERE x.ending_minor IS NOT NULL;
    SELECT array_agg(CASE WHEN x.step = 'hold' AND x.result IS NULL AND x.reason IS NULL THEN 'held' ELSE x.result END
                     ORDER BY x.no)
    INTO v_result
    FROM unnest(p_batch, v_result, v_reason)
         WITH ORDINALITY AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor, currency, fee_minor,
                               fee_bearer, fee_account, step, result, reason, no);
  END IF;

  WITH legs AS MATERIALIZED (
    SELECT x.no, p_kind AS kind, x.source_id, x.source_no, x.transfer_id, x.debit, x.credit, x.amount_minor, x.currency
    FROM unnest(p_batch, v_debit, v_credit, v_id, v_result, v_reason)
         WITH ORDINALITY AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor, currency, fee_minor,
                               fee_bearer, fee_account, step, debit, credit, transfer_id, result, reason, no)
    WHERE x.result IS NULL AND x.reason IS NULL
    UNION ALL
    SELECT x.no, CASE p_kind WHEN 'reversal' THEN 'fee_reversal' ELSE 'fee' END, x.source_id, x.source_no, uuidv7(),
           x.fee_from, x.fee_to, x.fee_minor, x.currency
    FROM unnest(p_batch, v_fee_from, v_fee_to, v_result, v_reason)
         WITH ORDINALITY AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor, currency, fee_minor,
                               fee_bearer, fee_account, step, fee_from, fee_to, result, reason, no)
    WHERE v_has_fees AND x.result IS NULL AND x.reason IS NULL AND x.fee_from IS NOT NULL
  ), new_transfers AS (
    INSERT INTO transfers (transfer_id, kind, source_id, source_no, debit_account_id, credit_account_id,
                           amount_minor, currency, posted_at)
    SELECT transfer_id, kind, source_id, source_no, debit, credit, amount_minor, currency, p_at FROM legs
    RETURNING 1
  ), sides AS MATERIALIZED (
    SELECT account_id, transfer_id, amount_minor,
           row_number() OVER batch AS nth, sum_minor(amount_minor) OVER batch AS running_minor
    FROM (SELECT no, debit AS account_id, transfer_id, -amount_minor AS amount_minor FROM legs
          UNION ALL
          SELECT no, credit, transfer_id, amount_minor FROM legs) s
    -- Of one source credits first: no entry shows a balance that never stood.
    WINDOW batch AS (PARTITION BY account_id ORDER BY no, amount_minor DESC ROWS UNBOUNDED PRECEDING)
  ), new_entries AS (
    INSERT INTO entries (account_id, seq, transfer_id, amount_minor, balance_minor, posted_at)
    SELECT a.account_id, a.entry_seq + s.nth, s.transfer_id, s.amount_minor, a.balance_minor + s.running_minor, p_at
    FROM sides s JOIN unnest(v_account) a USING (account_id)
    RETURNING amount_minor
  ), changed AS (
    UPDATE accounts a SET balance_minor = a.balance_minor + s.total_minor, entry_seq = a.entry_seq + s.entries
    FROM (SELECT account_id, sum_minor(amount_minor) AS total_minor, count(*) AS entries
          FROM sides GROUP BY account_id) s
    WHERE a.account_id = ANY (v_locked) AND a.account_id = s.account_id
    RETURNING a.currency, s.total_minor, s.entries
  )
  SELECT l.expected, t.transfers, e.entries, e.sum_minor, c.counted, c.unbalanced INTO v_done
  FROM (SELECT count(*) AS expected FROM legs) l,
       (SELECT count(*) AS transfers FROM new_transfers) t,
       (SELECT count(*) AS entries, sum_minor(amount_minor) AS sum_minor FROM new_entries) e,
       (SELECT coalesce(sum(entries), 0) AS counted, count(*) FILTER (WHERE total_minor <> 0) AS unbalanced
        -- By the currency of the accounts, not by what the payments say.
        FROM (SELECT sum(entries) AS entries, sum(total_minor) AS total_minor FROM changed GROUP BY currency) b) c;

  -- A halted batch beats a wrong one. That no account is below its floor is a constraint of the table.
  IF v_done.transfers <> v_done.expected OR v_done.entries <> 2 * v_done.expected
     OR v_done.counted <> v_done.entries OR v_done.unbalanced <> 0 OR v_done.sum_minor <> 0 THEN
    RAISE EXCEPTION 'posting is not balanced: %', v_done USING ERRCODE = 'data_corrupted';
  END IF;

  IF v_has_steps THEN
    PERFORM place_holds(array_agg(x.source_id), array_agg(x.source_no), array_agg(x.debit), array_agg(x.out_minor), p_at)
    FROM unnest(p_batch, v_debit, v_out, v_result)
         AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor, currency, fee_minor, fee_bearer,
               fee_account, step, debit, out_minor, result)
    WHERE x.result = 'held';
  END IF;

  RETURN QUERY
    SELECT x.no,
           coalesce(x.result, CASE WHEN x.reason IS NULL THEN 'posted' ELSE 'failed' END),
           CASE WHEN x.result IS NULL THEN x.reason END,
           CASE WHEN x.result = 'exists' AND x.step IS DISTINCT FROM 'hold' OR x.result IS NULL AND x.reason IS NULL
                THEN x.transfer_id END,
           CASE WHEN x.result = 'held' THEN 'placed'
                WHEN x.ending_minor IS NULL THEN NULL
                WHEN x.result IS NULL AND x.reason IS NULL THEN 'posted'
                ELSE 'released' END,
           x.covered_minor, x.missing_minor, x.waived_minor
    FROM unnest(p_batch, v_result, v_reason, v_id, v_ending, v_covered, v_missing, v_waived)
         WITH ORDINALITY AS x (source_id, source_no, type, debit_wallet, credit_wallet, amount_minor, currency, fee_minor,
                               fee_bearer, fee_account, step, result, reason, transfer_id, ending_minor, covered_minor,
                               missing_minor, waived_minor, no)
    ORDER BY x.no;
END $$;
REVOKE ALL ON FUNCTION wallet_core.post_transfers FROM PUBLIC;

-- Whether there is such a wallet; to a device a system account is as good as none.
CREATE FUNCTION wallet_core.is_wallet(p_wallet text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = wallet_core, pg_temp AS $$
  SELECT EXISTS (SELECT FROM accounts WHERE wallet_id = p_wallet AND kind <> 'system')
$$;
REVOKE ALL ON FUNCTION wallet_core.is_wallet FROM PUBLIC;

-- Where the fees of a country go.
CREATE FUNCTION wallet_core.fee_account(p_country text, p_currency text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 'system:fees:' || p_country || ':' || p_currency $$;

-- A payment as a transfer; its reversal is the same with the wallets changed over.
CREATE FUNCTION wallet_core.request_payment(
  p_device_id text, p_counter bigint, p_type text, p_from text, p_to text, p_amount_minor bigint, p_currency text,
  p_fee_minor bigint, p_fee_bearer text, p_country text, p_step text
) RETURNS wallet_core.requested_transfer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ROW(p_device_id, p_counter, p_type, p_from, p_to, p_amount_minor, p_currency, p_fee_minor, p_fee_bearer,
             CASE WHEN p_fee_minor > 0 THEN wallet_core.fee_account(p_country, p_currency) END,
             p_step)::wallet_core.requested_transfer
$$;
