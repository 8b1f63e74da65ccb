-- Money enters the book from a system account, one for each currency. Idempotent by reference number.
CREATE FUNCTION wallet_core.fund(p_reference text, p_no bigint[], p_wallet_id text[], p_amount_minor bigint[],
                                 p_currency text, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_treasury text := 'system:treasury:' || p_currency;
  v_failed   record;
BEGIN
  PERFORM open_account(v_treasury, p_currency, 'system', NULL);
  SELECT count(*) FILTER (WHERE r.result = 'posted') AS posted,
         count(*) FILTER (WHERE r.result IN ('failed', 'conflict')) AS failed, min(r.reason) AS reason
  INTO v_failed
  FROM post_transfers('funding', (
         SELECT array_agg(ROW(p_reference, x.no, NULL, v_treasury, x.wallet_id, x.amount_minor, p_currency, NULL, NULL, NULL,
                              NULL)::requested_transfer ORDER BY x.at)
         FROM unnest(p_no, p_wallet_id, p_amount_minor) WITH ORDINALITY AS x (no, wallet_id, amount_minor, at)), p_at) r;
  IF v_failed.failed > 0 THEN
    RAISE EXCEPTION 'funding failed for % wallets: %', v_failed.failed, coalesce(v_failed.reason, 'conflict');
  END IF;
  RETURN v_failed.posted;
END $$;
REVOKE ALL ON FUNCTION wallet_core.fund FROM PUBLIC;
