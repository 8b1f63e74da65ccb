-- Append-only, and chained: each record of a stream carries the hash of the one before it, so that a record that was
-- changed, removed or moved shows. The chain is made by a trigger, whoever inserts.
CREATE TABLE offline_audit_logs (
  -- What the chain is about: `device:<device_id>`.
  stream    text NOT NULL,
  seq       bigint NOT NULL,
  at        timestamptz NOT NULL,
  actor     text NOT NULL,
  action    text NOT NULL,
  device_id text,
  bundle_id text,
  -- Nothing personal: counters, statuses and reasons.
  detail    jsonb NOT NULL,
  prev_hash bytea NOT NULL,
  hash      bytea NOT NULL,
  PRIMARY KEY (stream, seq)
);
CREATE INDEX offline_audit_logs_by_time ON offline_audit_logs (at);

-- The text of jsonb is one and the same for equal values, and so a hash can be taken of it.
CREATE FUNCTION offline_audit_hash(r offline_audit_logs) RETURNS bytea
LANGUAGE sql STABLE AS $$
  SELECT sha256(convert_to(jsonb_build_array(r.stream, r.seq, extract(epoch FROM r.at), r.actor, r.action, r.device_id,
                                             r.bundle_id, r.detail, encode(r.prev_hash, 'hex'))::text, 'UTF8'))
$$;

CREATE FUNCTION offline_audit_chain() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  v_last record;
BEGIN
  -- Until commit: two records of a stream cannot take the same place.
  PERFORM pg_advisory_xact_lock(hashtextextended('offline_audit_logs/' || new.stream, 0));
  SELECT l.seq, l.hash INTO v_last FROM offline_audit_logs l WHERE l.stream = new.stream ORDER BY l.seq DESC LIMIT 1;
  new.seq := coalesce(v_last.seq, 0) + 1;
  new.prev_hash := coalesce(v_last.hash, '\x'::bytea);
  new.hash := offline_audit_hash(new);
  RETURN new;
END $$;

CREATE TRIGGER offline_audit_logs_chain BEFORE INSERT ON offline_audit_logs
  FOR EACH ROW EXECUTE FUNCTION offline_audit_chain();
CREATE TRIGGER offline_audit_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_audit_logs
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON offline_audit_logs TO molam_record, molam_settle, molam_read;
GRANT INSERT ON offline_audit_logs TO molam_record, molam_settle;

-- Records whose hash, place or predecessor is not what the chain says. A whole stream that was made again, or cut at its
-- end, shows only against a checkpoint that was kept elsewhere.
CREATE VIEW offline_audit_breaks AS
  SELECT stream, seq, at
  FROM (SELECT l, l.stream, l.seq, l.at, l.hash, l.prev_hash,
               lag(l.hash, 1, '\x'::bytea) OVER chain AS before_hash, row_number() OVER chain AS place
        FROM offline_audit_logs l
        WINDOW chain AS (PARTITION BY l.stream ORDER BY l.seq)) c
  WHERE c.hash <> offline_audit_hash(c.l) OR c.prev_hash <> c.before_hash OR c.seq <> c.place;
GRANT SELECT ON offline_audit_breaks TO molam_record, molam_settle, molam_read;

-- What owners of the schema do: accounts and tariffs, whichever statement they use. Accounts by their number: a wallet's
-- id may be a telephone number. Changes of balances have entries, and fire nothing here.
CREATE FUNCTION offline_audit_actor() RETURNS text
LANGUAGE sql STABLE AS $$ SELECT coalesce(nullif(current_setting('molam.actor', true), ''), session_user) $$;

CREATE FUNCTION offline_audit_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  v_detail jsonb := jsonb_build_object('account', new.account_id, 'kind', new.kind, 'currency', new.currency,
                                       'floor_minor', new.floor_minor, 'frozen', new.frozen);
BEGIN
  INSERT INTO offline_audit_logs (stream, at, actor, action, detail)
  VALUES ('accounts', now(), offline_audit_actor(),
          CASE TG_OP WHEN 'INSERT' THEN 'account_opened' ELSE 'account_changed' END,
          jsonb_strip_nulls(v_detail || jsonb_build_object('reason', nullif(current_setting('molam.reason', true), ''))));
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_opened_on_record AFTER INSERT ON wallet_core.accounts
  FOR EACH ROW EXECUTE FUNCTION offline_audit_account();
CREATE TRIGGER accounts_changed_on_record AFTER UPDATE OF wallet_id, currency, kind, floor_minor, frozen
  ON wallet_core.accounts FOR EACH ROW
  WHEN ((old.wallet_id, old.currency, old.kind, old.floor_minor, old.frozen)
        IS DISTINCT FROM (new.wallet_id, new.currency, new.kind, new.floor_minor, new.frozen))
  EXECUTE FUNCTION offline_audit_account();

-- Whose an account is: the tenant, and whether there is a telephone number; neither the holder nor the number.
CREATE FUNCTION offline_audit_holder() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO offline_audit_logs (stream, at, actor, action, detail)
  VALUES ('accounts', now(), offline_audit_actor(), 'account_held',
          jsonb_build_object('account', new.account_id, 'tenant', new.tenant, 'phone', new.phone IS NOT NULL));
  RETURN NULL;
END $$;
CREATE TRIGGER account_holders_on_record AFTER INSERT OR UPDATE ON wallet_core.account_holders
  FOR EACH ROW EXECUTE FUNCTION offline_audit_holder();

CREATE FUNCTION offline_audit_fee_rule() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO offline_audit_logs (stream, at, actor, action, detail)
  VALUES ('fees:' || new.country, now(), offline_audit_actor(), 'fee_rule_set', to_jsonb(new));
  RETURN NULL;
END $$;
CREATE TRIGGER offline_fee_rules_on_record AFTER INSERT ON offline_fee_rules
  FOR EACH ROW EXECUTE FUNCTION offline_audit_fee_rule();

-- For whoever owns the schema: no money leaves or reaches a frozen wallet. Twice is the same as once. Who does it and why
-- is on record, for ever: nothing personal in the reason.
CREATE FUNCTION wallet_core.set_frozen(p_wallet_id text, p_frozen boolean, p_actor text, p_reason text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF coalesce(p_actor, '') = '' OR coalesce(p_reason, '') = '' THEN
    RAISE EXCEPTION 'who, and why?' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM set_config('molam.actor', p_actor, true), set_config('molam.reason', p_reason, true);
  UPDATE wallet_core.accounts SET frozen = p_frozen WHERE wallet_id = p_wallet_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such wallet' USING ERRCODE = 'no_data_found';
  END IF;
  PERFORM set_config('molam.actor', '', true), set_config('molam.reason', '', true);
END $$;
REVOKE ALL ON FUNCTION wallet_core.set_frozen FROM PUBLIC;

-- Each version of a policy, as it was recorded: a row that was changed since shows.
CREATE FUNCTION offline_audit_policy() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO offline_audit_logs (stream, at, actor, action, detail)
  VALUES ('policy:' || new.country, now(), session_user, 'policy_recorded', to_jsonb(new));
  RETURN NULL;
END $$;
CREATE TRIGGER offline_policies_on_record AFTER INSERT ON offline_policies
  FOR EACH ROW EXECUTE FUNCTION offline_audit_policy();
INSERT INTO offline_audit_logs (stream, at, actor, action, detail)
SELECT 'policy:' || country, now(), session_user, 'policy_recorded', to_jsonb(p) FROM offline_policies p ORDER BY country;
