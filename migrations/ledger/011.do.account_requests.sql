-- Accounts are opened, funded and frozen, and tariffs set, by two people: one asks, another approves, and the database
-- does what was asked in the transaction of the approval. A person is a login of Postgres of their own, a member of
-- `molam_operator`; who it is says `session_user`, which no statement of that session can change.
--
--   begin → add rows → submit (the digest is taken, the request waits) → approve: done, or refuse
--
-- No operator may call what does it (`open_account`, `fund_accounts`, `set_frozen`, `set_offline_fee`), and the reconciler
-- may call nothing here.
GRANT USAGE ON SCHEMA wallet_core TO molam_operator;

CREATE TABLE wallet_core.account_requests (
  request_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  action       text NOT NULL CHECK (action IN ('open', 'fund', 'freeze', 'unfreeze', 'tariff')),
  -- Of a freeze, for the audit.
  reason       text,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  -- All of these from the submission on: SHA-256 over what is to be done, in how many rows, and how much money of each
  -- currency.
  digest       bytea CHECK (octet_length(digest) = 32),
  row_count    int CHECK (row_count > 0),
  sums_minor   jsonb,
  expires_at   timestamptz,
  ended_as     text CHECK (ended_as IN ('done', 'failed', 'refused', 'expired')),
  ended_by     text,
  ended_at     timestamptz,
  CONSTRAINT account_requests_submitted CHECK (num_nulls(digest, row_count, sums_minor, expires_at) IN (0, 4)),
  CONSTRAINT account_requests_ended CHECK (num_nulls(ended_as, ended_by, ended_at) IN (0, 3)),
  CONSTRAINT account_requests_two_people
    CHECK (ended_as IS DISTINCT FROM 'done' OR ended_by <> requested_by AND digest IS NOT NULL AND ended_at < expires_at)
);
-- Asking for the same again finds the request that waits.
CREATE UNIQUE INDEX account_requests_waiting ON wallet_core.account_requests (digest) WHERE ended_as IS NULL;

-- What is to be done, a row for each line of a file. Personal: read through a function, and on record when in the open.
CREATE TABLE wallet_core.account_request_rows (
  request_id bigint NOT NULL REFERENCES wallet_core.account_requests,
  line       int NOT NULL CHECK (line > 0),
  content    jsonb NOT NULL,
  PRIMARY KEY (request_id, line)
);
CREATE TRIGGER account_request_rows_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet_core.account_request_rows
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
-- Nothing personal in it: `submit_account_request` looks at the reason.
GRANT SELECT ON wallet_core.account_requests TO molam_operator, molam_read;

-- A request is submitted once and ends once.
CREATE FUNCTION wallet_core.keep_account_request() RETURNS trigger
LANGUAGE plpgsql SET search_path = wallet_core, pg_temp AS $$
BEGIN
  IF old.ended_as IS NOT NULL
     OR (old.request_id, old.action, old.reason, old.requested_by, old.requested_at)
          IS DISTINCT FROM (new.request_id, new.action, new.reason, new.requested_by, new.requested_at)
     OR old.digest IS NOT NULL AND (old.digest, old.row_count, old.sums_minor, old.expires_at)
          IS DISTINCT FROM (new.digest, new.row_count, new.sums_minor, new.expires_at) THEN
    RAISE EXCEPTION 'account_requests is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER account_requests_kept BEFORE UPDATE ON wallet_core.account_requests
  FOR EACH ROW EXECUTE FUNCTION wallet_core.keep_account_request();
CREATE TRIGGER account_requests_append_only BEFORE DELETE OR TRUNCATE ON wallet_core.account_requests
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();

-- Who is logged in. Refused: whoever could be two people, because it may make logins or be anybody; and the logins of our own
-- processes.
CREATE FUNCTION wallet_core.acting_operator() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT pg_has_role(session_user, 'molam_operator', 'MEMBER')
     OR EXISTS (SELECT FROM pg_roles WHERE rolname = session_user AND (rolsuper OR rolcreaterole))
     OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname LIKE 'molam\_%' AND r.rolname NOT IN ('molam_operator', session_user)
                  AND pg_has_role(session_user, r.oid, 'MEMBER'))
     OR session_user !~ '^[\x21-\x7e]{1,64}$' THEN
    RAISE EXCEPTION 'this login is no operator''s own' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN session_user;
END $$;

-- The last three characters, of a name that is long enough to hide the others.
CREATE FUNCTION wallet_core.masked(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT '***' || CASE WHEN length(p_text) >= 8 THEN right(p_text, 3) ELSE '' END $$;

CREATE FUNCTION wallet_core.record_account_request(p_request wallet_core.account_requests, p_action text, p_detail jsonb)
RETURNS void
LANGUAGE sql SET search_path = wallet_core, pg_temp AS $$
  INSERT INTO public.offline_audit_logs (stream, at, actor, action, detail)
  VALUES ('accounts', now(), 'operator:' || session_user, p_action,
          jsonb_build_object('request', p_request.request_id, 'what', p_request.action,
                             'digest', encode(p_request.digest, 'hex'), 'rows', p_request.row_count) || p_detail)
$$;

-- What is to be done, as one value. Rows by line, so that the same file has the same digest.
CREATE FUNCTION wallet_core.account_request_digest(p_request bigint) RETURNS bytea
LANGUAGE sql STABLE SET search_path = wallet_core, pg_temp AS $$
  SELECT sha256(convert_to(jsonb_build_array(r.action, r.reason)::text || coalesce(
           (SELECT string_agg(c.content::text, E'\n' ORDER BY c.line) FROM account_request_rows c
            WHERE c.request_id = p_request), ''), 'UTF8'))
  FROM account_requests r WHERE r.request_id = p_request
$$;

-- A whole number of minor units, or null. The length is looked at before it becomes a number.
CREATE FUNCTION wallet_core.minor_of(p_text text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN p_text ~ '^[0-9]{1,15}$' THEN p_text::bigint END $$;

-- What is wrong with each row, by the ledger as it is; nothing: it can be done. `same` says what has been done before.
CREATE FUNCTION wallet_core.account_request_faults(p_request bigint)
RETURNS TABLE (line int, fault text, same boolean)
LANGUAGE sql STABLE SET search_path = wallet_core, public, pg_temp AS $$
  WITH asked AS (
    SELECT r.action, r.reason, c.line, c.content, c.content ->> 'wallet_id' AS wallet_id,
           c.content ->> 'reference' AS reference, minor_of(c.content ->> 'amount_minor') AS amount_minor,
           row_number() OVER (PARTITION BY CASE r.action
               WHEN 'fund' THEN c.content ->> 'reference'
               WHEN 'tariff' THEN concat_ws('/', c.content ->> 'country', c.content ->> 'type', c.content ->> 'currency')
               ELSE c.content ->> 'wallet_id' END ORDER BY c.line) > 1 AS is_second
    FROM account_requests r JOIN account_request_rows c USING (request_id) WHERE r.request_id = p_request
  ), looked_up AS (
    SELECT x.*, a.account_id, a.kind, a.currency, a.frozen, h.holder_id, h.tenant, h.phone, t.transfer_id,
           (t.credit_account_id, t.amount_minor) IS NOT DISTINCT FROM (a.account_id, x.amount_minor) AS is_same_funding
    FROM asked x
    LEFT JOIN accounts a ON a.wallet_id = x.wallet_id
    LEFT JOIN account_holders h USING (account_id)
    LEFT JOIN transfers t ON x.action = 'fund' AND (t.source_id, t.kind, t.source_no) = (x.reference, 'funding', 1)
  )
  SELECT line, CASE
      WHEN is_second THEN 'twice_in_the_request'
      WHEN action = 'tariff' THEN CASE
        WHEN (content ->> 'country') ~ '^[A-Z]{2}$' AND (content ->> 'currency') ~ '^[A-Z]{3}$'
         AND content ->> 'type' IN ('p2p', 'merchant', 'cashin', 'cashout', 'agent')
         AND content ->> 'bearer' IN ('payer', 'payee') AND minor_of(content ->> 'flat_minor') IS NOT NULL
         AND minor_of(content ->> 'basis_points') <= 10000
         AND content ->> 'effective_from' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$' THEN CASE
           -- What was paid already is not charged otherwise afterwards.
           WHEN (content ->> 'effective_from')::timestamptz < now() THEN 'effective_in_the_past' END
        ELSE 'invalid_tariff' END
      WHEN wallet_id IS NULL OR wallet_id !~ '^[\x21-\x7e]{1,64}$' THEN 'invalid_wallet'
      WHEN action = 'open' THEN CASE
        WHEN wallet_id LIKE 'system:%' THEN 'reserved_wallet'
        WHEN coalesce(content ->> 'kind', '') NOT IN ('customer', 'merchant', 'agent') THEN 'invalid_kind'
        WHEN coalesce(content ->> 'currency', '') !~ '^[A-Z]{3}$' THEN 'invalid_currency'
        WHEN coalesce(content ->> 'holder', '') !~ '^[\x21-\x7e]{1,64}$' THEN 'invalid_holder'
        WHEN coalesce(content ->> 'tenant', '') !~ '^[A-Za-z0-9._-]{1,64}$' THEN 'invalid_tenant'
        WHEN content ->> 'phone' !~ '^\+[1-9][0-9]{6,14}$' THEN 'invalid_phone'
        WHEN account_id IS NOT NULL
         AND (kind, currency, holder_id, tenant, phone)
             IS DISTINCT FROM (content ->> 'kind', content ->> 'currency', content ->> 'holder', content ->> 'tenant',
                               content ->> 'phone') THEN 'open_with_other_facts' END
      WHEN account_id IS NULL OR kind = 'system' THEN 'unknown_wallet'
      WHEN action = 'fund' THEN CASE
        WHEN coalesce(reference, '') !~ '^[A-Za-z0-9._:/-]{1,64}$' THEN 'invalid_reference'
        WHEN coalesce(amount_minor, 0) <= 0 THEN 'invalid_amount'
        WHEN currency IS DISTINCT FROM content ->> 'currency' THEN 'currency_mismatch'
        WHEN transfer_id IS NOT NULL AND NOT is_same_funding THEN 'reference_used_otherwise'
        WHEN transfer_id IS NULL AND frozen THEN 'wallet_frozen' END
      -- Kept for ever: no number, address or wallet in it.
      WHEN coalesce(reason, '') !~ '^.{3,200}$' OR reason ~ '([0-9][^[:alpha:]0-9]{0,3}){6}|@|W-' THEN 'invalid_reason'
    END,
    CASE action WHEN 'open' THEN account_id IS NOT NULL WHEN 'fund' THEN transfer_id IS NOT NULL
      WHEN 'freeze' THEN coalesce(frozen, false) WHEN 'unfreeze' THEN NOT coalesce(frozen, true) ELSE false END
  FROM looked_up
$$;

CREATE FUNCTION wallet_core.begin_account_request(p_action text, p_reason text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = wallet_core, pg_temp AS $$
  INSERT INTO account_requests (action, reason, requested_by, requested_at)
  VALUES (p_action, p_reason, acting_operator(), now()) RETURNING request_id
$$;

CREATE FUNCTION wallet_core.add_account_request_rows(p_request bigint, p_line int[], p_content jsonb[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = wallet_core, pg_temp AS $$
BEGIN
  PERFORM FROM account_requests
  WHERE request_id = p_request AND requested_by = acting_operator() AND digest IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no request of yours that takes rows' USING ERRCODE = 'no_data_found';
  END IF;
  INSERT INTO account_request_rows SELECT p_request, * FROM unnest(p_line, p_content);
END $$;

-- Each row that cannot be done, by its line. Of a request of one's own that takes rows still.
CREATE FUNCTION wallet_core.check_account_request(p_request bigint) RETURNS TABLE (line int, fault text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = wallet_core, pg_temp AS $$
  SELECT f.line, f.fault FROM account_requests r CROSS JOIN LATERAL account_request_faults(p_request) f
  WHERE r.request_id = p_request AND r.requested_by = acting_operator() AND r.digest IS NULL AND f.fault IS NOT NULL
  ORDER BY f.line
$$;

-- Requests that nobody approved in time end before anything else is decided.
CREATE FUNCTION wallet_core.end_old_account_requests() RETURNS void
LANGUAGE plpgsql SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_request account_requests;
BEGIN
  FOR v_request IN
    SELECT * FROM account_requests WHERE ended_as IS NULL AND expires_at <= now() ORDER BY request_id FOR UPDATE
  LOOP
    UPDATE account_requests SET ended_as = 'expired', ended_by = session_user, ended_at = now()
    WHERE request_id = v_request.request_id;
    PERFORM record_account_request(v_request, 'account_request_expired', jsonb_build_object('by', v_request.requested_by));
  END LOOP;
END $$;

-- The request waits from now on, for a day. Answers: submitted; waiting, when the same waits already;
-- nothing_to_do, when all of it has been done; no_rows, too_many_rows, too_much_money. After any but the first it is to be
-- rolled back. The bounds are against slips of the hand: a zero too many, a file too long.
CREATE FUNCTION wallet_core.submit_account_request(p_request bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_request account_requests;
  v_same    account_requests;
  v_found   record;
  v_sums    jsonb;
BEGIN
  PERFORM end_old_account_requests();
  SELECT * INTO v_request FROM account_requests
  WHERE request_id = p_request AND requested_by = acting_operator() AND digest IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no request of yours that takes rows' USING ERRCODE = 'no_data_found';
  END IF;
  SELECT count(*) AS rows, count(*) FILTER (WHERE same) AS same, count(fault) AS faults INTO v_found
  FROM account_request_faults(p_request);
  IF v_found.rows = 0 OR v_found.rows > 50000 THEN
    RETURN jsonb_build_object('answer', CASE v_found.rows WHEN 0 THEN 'no_rows' ELSE 'too_many_rows' END);
  END IF;
  IF v_found.faults > 0 THEN
    RAISE EXCEPTION '% rows of the request cannot be done', v_found.faults USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF v_found.same = v_found.rows THEN
    RETURN jsonb_build_object('answer', 'nothing_to_do', 'rows', v_found.rows, 'done_before', v_found.same);
  END IF;
  SELECT coalesce(jsonb_object_agg(currency, sum_minor), '{}') INTO v_sums
  FROM (SELECT c.content ->> 'currency' AS currency, sum(minor_of(c.content ->> 'amount_minor')) AS sum_minor
        FROM account_request_rows c JOIN account_request_faults(p_request) f USING (line)
        WHERE c.request_id = p_request AND v_request.action = 'fund' AND NOT f.same GROUP BY 1) s;
  IF EXISTS (SELECT FROM jsonb_each_text(v_sums) WHERE value::numeric > 100000000) THEN
    RETURN jsonb_build_object('answer', 'too_much_money');
  END IF;
  -- Of two who ask for the same at once, the second finds the first's.
  PERFORM pg_advisory_xact_lock(hashtextextended('account_requests/' || encode(account_request_digest(p_request), 'hex'), 0));
  SELECT * INTO v_same FROM account_requests WHERE digest = account_request_digest(p_request) AND ended_as IS NULL;
  IF NOT FOUND THEN
    UPDATE account_requests
    SET digest = account_request_digest(p_request), row_count = v_found.rows, sums_minor = v_sums,
        expires_at = now() + interval '24 hours'
    WHERE request_id = p_request RETURNING * INTO v_same;
    PERFORM record_account_request(v_same, 'account_request_made', jsonb_build_object('sums_minor', v_sums));
  END IF;
  RETURN to_jsonb(v_same) || jsonb_build_object(
    'answer', CASE WHEN v_same.request_id = p_request THEN 'submitted' ELSE 'waiting' END,
    'digest', encode(v_same.digest, 'hex'), 'done_before', v_found.same);
END $$;

-- Does what the request asks for. Only what its rows say is done that has not been done before.
CREATE FUNCTION wallet_core.execute_account_request(p_request wallet_core.account_requests) RETURNS void
LANGUAGE plpgsql SET search_path = wallet_core, public, pg_temp AS $$
DECLARE
  v_actor text := 'operator:' || p_request.requested_by || ' operator:' || session_user;
BEGIN
  PERFORM set_config('molam.actor', v_actor, true);
  IF p_request.action = 'open' THEN
    PERFORM open_account(c.content ->> 'wallet_id', c.content ->> 'currency', c.content ->> 'kind', c.content ->> 'holder',
                         c.content ->> 'tenant', c.content ->> 'phone')
    FROM account_request_rows c WHERE c.request_id = p_request.request_id;
  ELSIF p_request.action = 'fund' THEN
    PERFORM fund_accounts(array_agg(c.content ->> 'reference' ORDER BY c.line), array_agg(1 ORDER BY c.line)::bigint[],
                          array_agg(c.content ->> 'wallet_id' ORDER BY c.line),
                          array_agg(minor_of(c.content ->> 'amount_minor') ORDER BY c.line), c.content ->> 'currency', now())
    FROM account_request_rows c WHERE c.request_id = p_request.request_id
    GROUP BY c.content ->> 'currency' ORDER BY c.content ->> 'currency';
  ELSIF p_request.action = 'tariff' THEN
    PERFORM set_offline_fee(c.content ->> 'country', c.content ->> 'type', c.content ->> 'currency',
                            minor_of(c.content ->> 'flat_minor'), minor_of(c.content ->> 'basis_points')::int,
                            c.content ->> 'bearer', (c.content ->> 'effective_from')::timestamptz)
    FROM account_request_rows c WHERE c.request_id = p_request.request_id;
  ELSE
    PERFORM set_frozen(c.content ->> 'wallet_id', p_request.action = 'freeze', v_actor, p_request.reason)
    FROM account_request_rows c WHERE c.request_id = p_request.request_id;
  END IF;
  PERFORM set_config('molam.actor', '', true);
END $$;

-- Another person's word: what the request asks for is done, in this transaction, all of it or nothing. Answers: done;
-- done_before (by whom, when); same_person; expired; refused, failed (as it ended); altered; unknown_request. Each answer but
-- done_before and unknown_request is on record.
--
-- p_digest: how the digest begins that the person saw, in hex.
CREATE FUNCTION wallet_core.approve_account_request(p_request bigint, p_digest text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_person  text := acting_operator();
  v_request account_requests;
  v_answer  text;
  v_faults  bigint;
  v_lines   jsonb := '[]';
BEGIN
  PERFORM end_old_account_requests();
  -- Of two who approve at once, the second finds it done.
  SELECT * INTO v_request FROM account_requests WHERE request_id = p_request AND digest IS NOT NULL FOR NO KEY UPDATE;
  IF NOT FOUND OR coalesce(p_digest, '') !~ '^[0-9a-f]{8,64}$' OR NOT starts_with(encode(v_request.digest, 'hex'), p_digest) THEN
    RETURN jsonb_build_object('answer', 'unknown_request');
  END IF;
  IF v_request.ended_as IS NOT NULL THEN
    v_answer := CASE v_request.ended_as WHEN 'done' THEN 'done_before' ELSE v_request.ended_as END;
  ELSIF v_request.requested_by = v_person THEN
    v_answer := 'same_person';
  ELSIF account_request_digest(p_request) IS DISTINCT FROM v_request.digest THEN
    v_answer := 'altered';
  END IF;
  IF v_answer IS NOT NULL THEN
    IF v_answer <> 'done_before' THEN
      PERFORM record_account_request(v_request, 'account_request_not_approved', jsonb_build_object('why', v_answer));
    END IF;
    RETURN to_jsonb(v_request) || jsonb_build_object('answer', v_answer);
  END IF;

  PERFORM record_account_request(v_request, 'account_request_approved', jsonb_build_object('asked_by', v_request.requested_by));
  -- By the ledger as it is now, which may be another than when it was asked.
  SELECT count(*), jsonb_agg(jsonb_build_array(line, fault) ORDER BY line) FILTER (WHERE n <= 20)
  INTO v_faults, v_lines
  FROM (SELECT line, fault, row_number() OVER (ORDER BY line) AS n
        FROM account_request_faults(p_request) WHERE fault IS NOT NULL) f;
  v_answer := CASE WHEN v_faults > 0 THEN 'failed' ELSE 'done' END;
  IF v_answer = 'done' THEN PERFORM execute_account_request(v_request); END IF;
  UPDATE account_requests SET ended_as = v_answer, ended_by = v_person, ended_at = now()
  WHERE request_id = p_request RETURNING * INTO v_request;
  PERFORM record_account_request(v_request, 'account_request_' || v_answer,
                                 jsonb_build_object('sums_minor', v_request.sums_minor, 'faults', v_faults));
  RETURN to_jsonb(v_request) || jsonb_build_object('answer', v_answer, 'faults', coalesce(v_lines, '[]'));
END $$;

-- By anybody of them, the one who asked as well: it can never be approved again.
CREATE FUNCTION wallet_core.refuse_account_request(p_request bigint, p_digest text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_person  text := acting_operator();
  v_request account_requests;
BEGIN
  PERFORM end_old_account_requests();
  SELECT * INTO v_request FROM account_requests WHERE request_id = p_request AND digest IS NOT NULL FOR NO KEY UPDATE;
  IF NOT FOUND OR NOT starts_with(encode(v_request.digest, 'hex'), coalesce(p_digest, 'none')) THEN
    RETURN jsonb_build_object('answer', 'unknown_request');
  END IF;
  IF v_request.ended_as IS NOT NULL THEN
    RETURN to_jsonb(v_request) || jsonb_build_object('answer', v_request.ended_as || '_before');
  END IF;
  UPDATE account_requests SET ended_as = 'refused', ended_by = v_person, ended_at = now()
  WHERE request_id = p_request RETURNING * INTO v_request;
  PERFORM record_account_request(v_request, 'account_request_refused', '{}');
  RETURN to_jsonb(v_request) || jsonb_build_object('answer', 'refused');
END $$;

-- The first rows of a request. Masked, or in the open; then it is on record that they were looked at.
CREATE FUNCTION wallet_core.show_account_request(p_request bigint, p_max int, p_unmasked boolean)
RETURNS TABLE (line int, content jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_request account_requests;
BEGIN
  PERFORM acting_operator();
  SELECT * INTO v_request FROM account_requests r WHERE r.request_id = p_request;
  IF p_unmasked AND FOUND THEN PERFORM record_account_request(v_request, 'account_request_shown', '{}'); END IF;
  RETURN QUERY
    SELECT c.line, c.content || CASE WHEN p_unmasked THEN '{}' ELSE coalesce(
             (SELECT jsonb_object_agg(key, masked(value)) FROM jsonb_each_text(c.content)
              WHERE key IN ('wallet_id', 'holder', 'phone') AND value IS NOT NULL), '{}') END
    FROM account_request_rows c WHERE c.request_id = p_request ORDER BY c.line LIMIT p_max;
END $$;

-- An account, masked or in the open; then it is on record that it was looked at, by its number.
CREATE FUNCTION wallet_core.show_account(p_wallet_id text, p_unmasked boolean) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_account accounts;
  v_holder  account_holders;
  v_person  text := acting_operator();
BEGIN
  SELECT * INTO v_account FROM accounts WHERE wallet_id = p_wallet_id;
  IF NOT FOUND THEN RETURN NULL; END IF;
  SELECT * INTO v_holder FROM account_holders WHERE account_id = v_account.account_id;
  IF p_unmasked THEN
    INSERT INTO public.offline_audit_logs (stream, at, actor, action, detail)
    VALUES ('accounts', now(), 'operator:' || v_person, 'account_shown', jsonb_build_object('account', v_account.account_id));
  END IF;
  RETURN jsonb_build_object(
    'account', v_account.account_id, 'kind', v_account.kind, 'currency', v_account.currency, 'frozen', v_account.frozen,
    'tenant', v_holder.tenant, 'balance_minor', v_account.balance_minor, 'held_minor', v_account.held_minor,
    'wallet_id', CASE WHEN p_unmasked THEN p_wallet_id ELSE masked(p_wallet_id) END,
    'holder', CASE WHEN p_unmasked THEN v_holder.holder_id ELSE masked(v_holder.holder_id) END,
    'phone', CASE WHEN p_unmasked THEN v_holder.phone ELSE masked(v_holder.phone) END);
END $$;

REVOKE ALL ON FUNCTION
  wallet_core.keep_account_request, wallet_core.acting_operator, wallet_core.masked, wallet_core.record_account_request,
  wallet_core.account_request_digest, wallet_core.minor_of, wallet_core.account_request_faults,
  wallet_core.begin_account_request, wallet_core.add_account_request_rows, wallet_core.check_account_request,
  wallet_core.end_old_account_requests, wallet_core.submit_account_request, wallet_core.execute_account_request,
  wallet_core.approve_account_request, wallet_core.refuse_account_request, wallet_core.show_account_request,
  wallet_core.show_account FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  wallet_core.begin_account_request, wallet_core.add_account_request_rows, wallet_core.check_account_request,
  wallet_core.submit_account_request, wallet_core.approve_account_request, wallet_core.refuse_account_request,
  wallet_core.show_account_request, wallet_core.show_account TO molam_operator;
