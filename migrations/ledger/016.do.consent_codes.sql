-- Consent by the holder's code: a device asks, a code goes to the telephone number that the ledger has for the wallet, and whoever
-- enters it on the device gives the holder's word. The code itself is nowhere here: the reconciler makes it each time, with a key
-- that no login has (reconciler/codes/code.ts).

-- What a device asked for, as the newest facts of it said. Kept, and of what is sent only how far it is changes.
CREATE TABLE offline_consent_codes (
  device_id       text NOT NULL,
  -- 1, 2, 3 … of the device.
  no              bigint NOT NULL CHECK (no > 0),
  -- Of the device's facts that said so: nothing is sent that the edge has not signed.
  rev             bigint NOT NULL,
  -- What the code is for: another key, wallet or tenant has another code.
  thumbprint      bytea NOT NULL CHECK (octet_length(thumbprint) = 32),
  wallet          text NOT NULL,
  tenant          text NOT NULL,
  -- By the edge's clock.
  asked_at        timestamptz NOT NULL,
  until_at        timestamptz NOT NULL CHECK (until_at > asked_at),
  -- The key that makes the code: with another one nobody can say what the code was.
  key_id          text NOT NULL CHECK (key_id ~ '^[0-9a-f]{16}$'),
  -- Why none is sent; null: one is.
  refusal         text CHECK (refusal IN ('off', 'unknown_wallet', 'no_phone', 'too_many')),
  recorded_at     timestamptz NOT NULL,
  -- How often the gateway was asked to send it. Counted before it is asked: what may have been sent may be answered.
  attempts        int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  sent_at         timestamptz,
  -- Nobody tries any more: the gateway refused it, or its time was over.
  given_up_at     timestamptz,
  PRIMARY KEY (device_id, no),
  CONSTRAINT consent_codes_sent CHECK (refusal IS NULL OR num_nonnulls(sent_at, given_up_at, next_attempt_at) = 0)
);
CREATE INDEX offline_consent_codes_due ON offline_consent_codes (next_attempt_at)
  WHERE sent_at IS NULL AND given_up_at IS NULL AND refusal IS NULL;
CREATE INDEX offline_consent_codes_of_wallet ON offline_consent_codes (wallet, recorded_at) WHERE refusal IS NULL;
CREATE TRIGGER offline_consent_codes_kept BEFORE DELETE OR TRUNCATE ON offline_consent_codes
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
CREATE TRIGGER offline_consent_codes_asked BEFORE UPDATE ON offline_consent_codes FOR EACH ROW
  WHEN ((old.device_id, old.no, old.rev, old.thumbprint, old.wallet, old.tenant, old.asked_at, old.until_at, old.key_id, old.refusal,
         old.recorded_at)
          IS DISTINCT FROM (new.device_id, new.no, new.rev, new.thumbprint, new.wallet, new.tenant, new.asked_at, new.until_at, new.key_id,
                            new.refusal, new.recorded_at)
        OR new.attempts < old.attempts OR old.sent_at IS NOT NULL AND new.sent_at IS DISTINCT FROM old.sent_at
        OR old.given_up_at IS NOT NULL AND new.given_up_at IS DISTINCT FROM old.given_up_at)
  EXECUTE FUNCTION wallet_core.refuse_change();

-- What was entered, each consent that the edge signed for it once. Tries are its rows, so nobody can have them back.
CREATE TABLE offline_consent_answers (
  device_id   text NOT NULL,
  no          bigint NOT NULL,
  -- SHA-256 over the signed consent.
  digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
  is_right    boolean NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (device_id, no, digest)
);
-- That a code is good once, and how often it may be wrong, is counted under the device's lock (registry/code-requests.ts) by the tries
-- that the edge has signed, and looked at again by the verifier: a constraint here would let a false row keep the right one out.
CREATE TRIGGER offline_consent_answers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_consent_answers
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();

GRANT SELECT ON offline_consent_codes, offline_consent_answers TO molam_record, molam_settle, molam_read;
GRANT INSERT, UPDATE (attempts, next_attempt_at, sent_at, given_up_at) ON offline_consent_codes TO molam_record;
GRANT INSERT ON offline_consent_answers TO molam_record;

-- Why no code goes to this wallet, or null. The lock is of the wallet until commit, so that two devices cannot both have the last one
-- of a day. No number leaves it.
CREATE FUNCTION offline_code_refusal(p_wallet text, p_tenant text, p_at timestamptz, p_per_day int) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('consent_code/' || p_wallet, 0));
  RETURN CASE
    WHEN offline_wallet_state(p_wallet, p_tenant) <> 'known' THEN 'unknown_wallet'
    WHEN NOT EXISTS (SELECT FROM wallet_core.accounts a JOIN wallet_core.account_holders h USING (account_id)
                     WHERE a.wallet_id = p_wallet AND h.phone IS NOT NULL) THEN 'no_phone'
    WHEN (SELECT count(*) FROM offline_consent_codes
          WHERE wallet = p_wallet AND refusal IS NULL AND recorded_at > p_at - interval '1 day') >= p_per_day THEN 'too_many'
  END;
END $$;
REVOKE ALL ON FUNCTION offline_code_refusal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_code_refusal TO molam_record;

-- Where a code goes. To the login that settles, and only while a code is under way: the login that could write such a row reads no
-- number, and the one that reads numbers writes no row.
CREATE FUNCTION offline_code_recipient(p_device_id text, p_no bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.phone::text
  FROM offline_consent_codes c
  JOIN wallet_core.accounts a ON a.wallet_id = c.wallet
  JOIN wallet_core.account_holders h USING (account_id)
  WHERE (c.device_id, c.no) = (p_device_id, p_no) AND h.tenant = c.tenant
    AND c.refusal IS NULL AND c.sent_at IS NULL AND c.given_up_at IS NULL AND c.attempts > 0
$$;
REVOKE ALL ON FUNCTION offline_code_recipient FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offline_code_recipient TO molam_settle;

-- How far the newest request of a device is. Of what was wrong the edge is told no more than it has signed (registry/code-requests.ts).
CREATE FUNCTION offline_code_verdict(p_device_id text) RETURNS TABLE (no bigint, state text, wrong int)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT c.no,
         CASE WHEN EXISTS (SELECT FROM offline_consent_answers a JOIN offline_wallet_consents w USING (device_id, digest)
                           WHERE a.device_id = c.device_id AND a.no = c.no AND w.by_holder) THEN 'accepted'
              WHEN c.refusal IS NOT NULL THEN c.refusal
              WHEN c.sent_at IS NOT NULL THEN 'sent'
              WHEN c.given_up_at IS NOT NULL THEN 'undelivered'
              ELSE 'waiting' END,
         (SELECT count(*)::int FROM offline_consent_answers a
          WHERE a.device_id = c.device_id AND a.no = c.no AND NOT a.is_right)
  FROM offline_consent_codes c WHERE c.device_id = p_device_id ORDER BY c.no DESC LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION offline_code_verdict TO molam_record, molam_settle, molam_read;
