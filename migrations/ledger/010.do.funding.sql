-- Money enters the book from a system account, one for each currency.

-- Posts fundings of one currency, each under a reference and a number of its own: again it changes nothing, and with
-- another wallet or amount it is an error. All of them or none. How many and how much is on record.
CREATE FUNCTION wallet_core.fund_accounts(p_reference text[], p_no bigint[], p_wallet_id text[], p_amount_minor bigint[],
                                          p_currency text, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_treasury text := 'system:treasury:' || p_currency;
  v_funded   record;
BEGIN
  PERFORM open_system_account(v_treasury, p_currency);
  SELECT count(*) FILTER (WHERE r.result = 'posted') AS posted,
         coalesce(sum(p_amount_minor[r.no]) FILTER (WHERE r.result = 'posted'), 0) AS sum_minor,
         count(*) FILTER (WHERE r.result IN ('failed', 'conflict')) AS failed, min(r.reason) AS reason
  INTO v_funded
  FROM post_transfers('funding', (
         SELECT array_agg(ROW(x.reference, x.no, NULL, v_treasury, x.wallet_id, x.amount_minor, p_currency, NULL, NULL, NULL,
                              NULL)::requested_transfer ORDER BY x.at)
         FROM unnest(p_reference, p_no, p_wallet_id, p_amount_minor)
              WITH ORDINALITY AS x (reference, no, wallet_id, amount_minor, at)), p_at) r;
  IF v_funded.failed > 0 THEN
    RAISE EXCEPTION 'funding failed for % wallets: %', v_funded.failed, coalesce(v_funded.reason, 'conflict');
  END IF;
  IF v_funded.posted > 0 THEN
    INSERT INTO public.offline_audit_logs (stream, at, actor, action, detail)
    VALUES ('accounts', now(), public.offline_audit_actor(), 'accounts_funded',
            jsonb_build_object('transfers', v_funded.posted, 'sum_minor', v_funded.sum_minor, 'currency', p_currency));
  END IF;
  RETURN v_funded.posted;
END $$;
REVOKE ALL ON FUNCTION wallet_core.fund_accounts FROM PUBLIC;

-- Many under one reference, by number.
CREATE FUNCTION wallet_core.fund(p_reference text, p_no bigint[], p_wallet_id text[], p_amount_minor bigint[],
                                 p_currency text, p_at timestamptz) RETURNS bigint
LANGUAGE sql SET search_path = wallet_core, pg_temp AS $$
  SELECT fund_accounts(array_fill(p_reference, ARRAY[cardinality(p_no)]), p_no, p_wallet_id, p_amount_minor, p_currency, p_at)
$$;
REVOKE ALL ON FUNCTION wallet_core.fund FROM PUBLIC;
