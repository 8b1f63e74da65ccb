-- The payments that were, or were to be, made out of a wallet on its holder's word for each: a signature that the payment has used
-- up, or a yes to a claim. The newest word first, by the book's clock: what becomes of a payment later does not move it.
--
-- Each of the two is read from its own index, so that a wallet with many payments costs no more than one with few.
CREATE FUNCTION offline_newest_debits(p_wallet text, p_max int)
-- request_id: null of a claim.
RETURNS TABLE (device_id text, counter bigint, request_id bytea, worded_at timestamptz)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  WITH signed AS (
    SELECT a.device_id, a.counter, a.request_id, a.used_at AS worded_at FROM offline_payer_authorizations a
    WHERE a.wallet = p_wallet ORDER BY a.used_at DESC, a.device_id COLLATE "C", a.counter LIMIT p_max
  ), confirmed AS (
    SELECT a.device_id, a.counter, NULL::bytea AS request_id, a.closed_at AS worded_at FROM offline_claim_answers a
    WHERE a.payer_wallet = p_wallet AND a.result = 'applied' AND a.choice = 'confirm'
    ORDER BY a.closed_at DESC, a.device_id COLLATE "C", a.counter LIMIT p_max
  )
  SELECT x.* FROM (TABLE signed UNION ALL TABLE confirmed) x
  ORDER BY x.worded_at DESC, x.device_id COLLATE "C", x.counter LIMIT p_max
$$;
GRANT EXECUTE ON FUNCTION offline_newest_debits TO molam_record, molam_settle, molam_read;
