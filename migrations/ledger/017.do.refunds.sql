-- A refund is a payment out of the wallet that another payment was paid to, into the wallet that paid it. It names that payment, and
-- all refunds of a payment together are at most its amount.
--
-- Every refund of a payment debits the account that the payment credited, and so does its reversal. Whoever has locked that account
-- reads what no other transaction can change until this one ends: two refunds at once, from whichever tills, a refund and a reversal of
-- what it gives back, and a refund and its own reversal come one after the other.

-- Locks the accounts of these wallets, in the order in which postings do: what is read afterwards holds until the transaction ends.
CREATE FUNCTION wallet_core.lock_wallets(p_wallets text[]) RETURNS void
LANGUAGE plpgsql SET search_path = wallet_core, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_seqscan = off SET jit = off
AS $$
BEGIN
  PERFORM FROM (SELECT FROM accounts WHERE wallet_id = ANY (p_wallets) ORDER BY account_id FOR NO KEY UPDATE) l;
END $$;
REVOKE ALL ON FUNCTION wallet_core.lock_wallets FROM PUBLIC;

-- Of these payments: their wallets, and where their fees are.
CREATE FUNCTION offline_lock_wallets_of(p_device_id text[], p_counter bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM wallet_core.lock_wallets(array_agg(t.sender) || array_agg(t.receiver)
                                   || array_agg(wallet_core.fee_account(b.country, t.currency)))
  FROM unnest(p_device_id, p_counter) AS x (device_id, counter)
  JOIN offline_transactions t USING (device_id, counter)
  JOIN offline_tx_bundles b ON b.device_id = t.device_id AND b.bundle_id = t.bundle_id;
END $$;
REVOKE ALL ON FUNCTION offline_lock_wallets_of FROM PUBLIC;

-- Every refund, with what it gives back.
CREATE VIEW offline_refunds AS
  SELECT r.device_id, r.counter, r.status, r.amount_minor, r.refund_of_device_id, r.refund_of_counter,
         o.type AS payment_type, o.status AS payment_status, o.amount_minor AS payment_minor,
         -- Of the wallets that gave and got; another currency is another payment.
         (o.sender, o.receiver, o.currency) IS NOT DISTINCT FROM (r.receiver, r.sender, r.currency) AS is_same_way,
         coalesce((SELECT amount_minor FROM wallet_core.transfers WHERE transfer_id = o.reversal_transfer_id), 0) AS reversed_minor
  FROM offline_transactions r
  LEFT JOIN offline_transactions o ON o.device_id = r.refund_of_device_id AND o.counter = r.refund_of_counter
  WHERE r.type = 'refund';
GRANT SELECT ON offline_refunds TO molam_record, molam_settle, molam_read;

-- Which refunds of a batch cannot be posted now, and why. The caller has locked the wallets, and has one refund of a payment in a batch.
--   refund_not_possible   there is no such payment, it is a refund itself, it was not paid, it was between other wallets or in another
--                         currency, or it was reversed
--   refund_above_payment  with the refunds before it, it would be more than was paid
-- may_come: the payment waits, or is neither here nor voided.
CREATE FUNCTION offline_refund_faults(
  p_type text[], p_sender text[], p_receiver text[], p_amount_minor bigint[], p_currency text[],
  p_refund_of_device_id text[], p_refund_of_counter bigint[]
) RETURNS TABLE (no bigint, reason text, may_come boolean)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF EXISTS (SELECT FROM unnest(p_type, p_refund_of_device_id, p_refund_of_counter) AS x (type, device_id, counter)
             WHERE x.type = 'refund' GROUP BY x.device_id, x.counter HAVING count(*) > 1) THEN
    RAISE EXCEPTION 'one payment is refunded twice in a batch' USING ERRCODE = 'cardinality_violation';
  END IF;
  RETURN QUERY
    SELECT f.* FROM (
      SELECT x.no,
             CASE WHEN o.counter IS NULL OR o.status <> 'succeeded' OR o.type = 'refund'
                    OR (o.sender, o.receiver, o.currency) IS DISTINCT FROM (x.receiver, x.sender, x.currency)
                    THEN 'refund_not_possible'
                  WHEN offline_refunded_minor(o.device_id, o.counter) + x.amount_minor > o.amount_minor
                    THEN 'refund_above_payment' END AS reason,
             o.counter IS NULL AND NOT EXISTS (SELECT FROM offline_tx_voids v
                                               WHERE v.device_id = x.device_id AND v.counter = x.counter)
               OR o.status IN ('review', 'quarantined', 'claimed') AND o.type <> 'refund'
                 AND (o.sender, o.receiver, o.currency) = (x.receiver, x.sender, x.currency) AS may_come
      FROM unnest(p_type, p_sender, p_receiver, p_amount_minor, p_currency, p_refund_of_device_id, p_refund_of_counter)
           WITH ORDINALITY AS x (type, sender, receiver, amount_minor, currency, device_id, counter, no)
      LEFT JOIN LATERAL (SELECT * FROM offline_transactions
                         WHERE device_id = x.device_id AND counter = x.counter OFFSET 0) o ON true
      WHERE x.type = 'refund') f
    WHERE f.reason IS NOT NULL ORDER BY f.no;
END $$;
REVOKE ALL ON FUNCTION offline_refund_faults FROM PUBLIC;

-- Whoever writes that a refund moved money, or that a payment was reversed, has given back no more than was paid: a halted batch beats
-- a wrong one.
CREATE FUNCTION offline_assert_refund() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  v_name record;
  v_paid offline_transactions;
  v_back bigint;
BEGIN
  SELECT CASE new.type WHEN 'refund' THEN new.refund_of_device_id ELSE new.device_id END AS device_id,
         CASE new.type WHEN 'refund' THEN new.refund_of_counter ELSE new.counter END AS counter INTO v_name;
  SELECT * INTO v_paid FROM offline_transactions WHERE device_id = v_name.device_id AND counter = v_name.counter;
  SELECT offline_refunded_minor(v_name.device_id, v_name.counter)
         + coalesce((SELECT amount_minor FROM wallet_core.transfers WHERE transfer_id = v_paid.reversal_transfer_id), 0)
  INTO v_back;
  IF v_paid.status IS DISTINCT FROM 'succeeded' AND (new.type = 'refund' OR v_paid.status IS DISTINCT FROM 'reversed')
     OR new.type = 'refund' AND v_paid.type = 'refund'
     OR new.type = 'refund' AND (v_paid.sender, v_paid.receiver, v_paid.currency)
          IS DISTINCT FROM (new.receiver, new.sender, new.currency)
     OR v_back > v_paid.amount_minor OR v_paid.status = 'reversed' AND v_back <> v_paid.amount_minor THEN
    RAISE EXCEPTION 'refunds of %/% do not add up', v_name.device_id, v_name.counter USING ERRCODE = 'data_corrupted';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER offline_transactions_refunded AFTER INSERT ON offline_transactions FOR EACH ROW
  WHEN (new.type = 'refund' AND new.status = 'succeeded') EXECUTE FUNCTION offline_assert_refund();
-- A reversal of a refund too: what it gave back must not have been given back otherwise.
CREATE TRIGGER offline_transactions_given_back AFTER UPDATE OF status ON offline_transactions FOR EACH ROW
  WHEN (new.type = 'refund' AND new.status IN ('succeeded', 'reversed') OR new.status = 'reversed')
  EXECUTE FUNCTION offline_assert_refund();
