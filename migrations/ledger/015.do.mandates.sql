-- A mandate is the holder's standing word for small debits that nobody signs: so much a payment, so much a day, until then. A
-- claim that a mandate has room for is posted as it is recorded; every other claim waits for its payer. Without a mandate there is
-- none: nobody's silence is a mandate.

-- What a paying device signed, as the edge handed it on. The newest of a wallet counts, and only while that device is its holder's.
CREATE TABLE offline_mandates (
  -- The device that signed it, and its number among what that device's object hands on.
  payer_device_id   text NOT NULL,
  rev               bigint NOT NULL CHECK (rev > 0),
  -- The device's own number of it, which grows: what was signed before a later mandate must not come back.
  no                bigint NOT NULL CHECK (no > 0),
  kid               bytea NOT NULL CHECK (octet_length(kid) = 8),
  wallet            text NOT NULL,
  currency          text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  -- As the holder signed them; the policy of the country may give less. 0 ends what was before.
  payment_max_minor bigint NOT NULL CHECK (payment_max_minor >= 0),
  day_max_minor     bigint NOT NULL CHECK (day_max_minor >= 0),
  until_at          timestamptz NOT NULL,
  -- By the edge's clock: of the mandates of several devices the newest counts.
  given_at          timestamptz NOT NULL,
  -- The signed mandate: evidence.
  mandate           bytea NOT NULL,
  recorded_at       timestamptz NOT NULL,
  -- Whether it was the holder's word when it was recorded; what was not takes no other's place.
  is_his            boolean NOT NULL,
  PRIMARY KEY (payer_device_id, rev),
  CONSTRAINT mandates_day CHECK (payment_max_minor <= day_max_minor)
);
CREATE INDEX offline_mandates_of_wallet ON offline_mandates (wallet, given_at DESC, rev DESC);
CREATE TRIGGER offline_mandates_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_mandates
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON offline_mandates TO molam_record, molam_settle, molam_read;
GRANT INSERT ON offline_mandates TO molam_record;

-- The payments that were posted, or failed for want of money, by a mandate: the word that each was posted by.
CREATE TABLE offline_mandated_payments (
  -- The order in which they took their room.
  id              bigint GENERATED ALWAYS AS IDENTITY,
  device_id       text NOT NULL,
  counter         bigint NOT NULL,
  wallet          text NOT NULL,
  -- The calendar day of the book's clock, where the payment's bundle was taken.
  day             date NOT NULL,
  currency        text NOT NULL,
  amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
  payer_device_id text NOT NULL,
  mandate_rev     bigint NOT NULL,
  -- The policy that gave no less: the newest that the book had then of the country where the bundle was taken.
  policy_version  int NOT NULL,
  posted_at       timestamptz NOT NULL,
  PRIMARY KEY (device_id, counter)
);
CREATE INDEX offline_mandated_payments_of_day ON offline_mandated_payments (wallet, day);
-- The newest of them, of which the holder is told.
CREATE INDEX offline_mandated_payments_newest ON offline_mandated_payments (wallet, id);
CREATE TRIGGER offline_mandated_payments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_mandated_payments
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON offline_mandated_payments TO molam_record, molam_settle, molam_read;

-- What a wallet had paid by mandates on a day up to a payment and with it. What failed took nothing; what was given back was paid.
CREATE FUNCTION offline_mandated_minor(p_wallet text, p_day date, p_currency text, p_id bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT coalesce(sum(m.amount_minor), 0)::bigint
  FROM offline_mandated_payments m LEFT JOIN offline_transactions t USING (device_id, counter)
  WHERE m.wallet = p_wallet AND m.day = p_day AND m.currency = p_currency AND m.id <= p_id
    AND t.status IS DISTINCT FROM 'failed'
$$;
GRANT EXECUTE ON FUNCTION offline_mandated_minor TO molam_record, molam_settle, molam_read;

-- How many they were. MANDATED_PER_DAY_MAX of src/protocol/limits.ts is the most.
CREATE FUNCTION offline_mandated_count(p_wallet text, p_day date, p_id bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT count(*)
  FROM offline_mandated_payments m LEFT JOIN offline_transactions t USING (device_id, counter)
  WHERE m.wallet = p_wallet AND m.day = p_day AND m.id <= p_id AND t.status IS DISTINCT FROM 'failed'
$$;
GRANT EXECUTE ON FUNCTION offline_mandated_count TO molam_record, molam_settle, molam_read;

-- The mandate of a wallet that is in force: the newest, if it has not ended and its device still pays for the holder. An older one
-- does not come back when a newer one ends. One that another reconciler recorded after the moment that is asked about, by its clock or while
-- this one waited for a lock, is not yet in force: the verifier halts settlement where money moved before the word for it was there.
CREATE FUNCTION offline_mandate_of(p_wallet text, p_at timestamptz) RETURNS SETOF offline_mandates
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT m.*
  FROM (SELECT * FROM offline_mandates WHERE wallet = p_wallet AND is_his
        ORDER BY given_at DESC, rev DESC, payer_device_id LIMIT 1) m
  JOIN offline_devices d ON d.device_id = m.payer_device_id
  JOIN offline_device_keys k ON k.device_id = m.payer_device_id AND k.kid = m.kid
  WHERE m.payment_max_minor > 0 AND m.recorded_at <= p_at AND p_at < m.until_at
    AND d.status = 'active' AND d.owner_wallet = m.wallet AND k.state <> 'revoked'
    AND offline_wallet_state(m.wallet, d.tenant) = 'known'
    AND EXISTS (SELECT FROM offline_consents c
                WHERE c.device_id = d.device_id AND c.holds
                  AND substring(c.thumbprint FROM 1 FOR octet_length(m.kid)) = m.kid
                  AND p_at <= c.until_at AND c.withdrawn_at IS NULL)
    -- A device's statements grow in number, in whatever order they were handed on.
    AND NOT EXISTS (SELECT FROM offline_mandates n WHERE n.payer_device_id = m.payer_device_id AND n.no > m.no)
$$;
GRANT EXECUTE ON FUNCTION offline_mandate_of TO molam_record, molam_settle, molam_read;

-- Of claims that are about to be recorded, those that the mandates of their payers have room for, in the order given: they take
-- that room. The policy may give less than the holder, and 0 is none in that country. The caller names for each the mandate whose signature it has verified; another one that came meanwhile gives nothing.
-- The lock is of the wallet until commit, so that the sum of a day counts all devices. It is taken after the locks of devices and before
-- those of accounts, in one order, so that two cannot deadlock.
CREATE FUNCTION offline_take_mandates(
  p_device_id text[], p_counter bigint[], p_sender text[], p_amount_minor bigint[], p_currency text[], p_country text[],
  p_status text[], p_claim_until timestamptz[], p_mandate_device_id text[], p_mandate_rev bigint[], p_at timestamptz
) RETURNS SETOF bigint
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  v_claim record;
BEGIN
  FOR v_claim IN
    SELECT DISTINCT hashtextextended('mandate/' || x.sender, 0) AS key
    FROM unnest(p_sender, p_status, p_mandate_device_id) AS x (sender, status, mandate_device_id)
    WHERE x.status = 'claimed' AND x.mandate_device_id IS NOT NULL ORDER BY 1
  LOOP
    PERFORM pg_advisory_xact_lock(v_claim.key);
  END LOOP;
  FOR v_claim IN
    SELECT x.no, x.device_id, x.counter, x.sender, x.amount_minor, x.currency, x.mandate_device_id, x.mandate_rev,
           least(m.day_max_minor, y.mandate_day_max) AS day_max_minor, (p_at AT TIME ZONE y.time_zone)::date AS day,
           y.version
    FROM unnest(p_device_id, p_counter, p_sender, p_amount_minor, p_currency, p_country, p_status, p_claim_until,
                p_mandate_device_id, p_mandate_rev) WITH ORDINALITY
      AS x (device_id, counter, sender, amount_minor, currency, country, status, claim_until, mandate_device_id, mandate_rev, no)
    CROSS JOIN LATERAL offline_mandate_of(x.sender, p_at) m
    CROSS JOIN LATERAL get_offline_policy(x.country) y
    WHERE x.status = 'claimed' AND p_at < x.claim_until
      -- Its device was revoked before the bundle came: it waits for nobody, and ends with it.
      AND NOT EXISTS (SELECT FROM offline_resolutions r
                      WHERE r.device_id = x.device_id AND r.counter = x.counter AND r.choice = 'revoke' AND r.result IS NULL)
      AND x.amount_minor <= least(m.payment_max_minor, y.mandate_payment_max)
      AND (m.payer_device_id, m.rev, m.currency) = (x.mandate_device_id, x.mandate_rev, x.currency)
    ORDER BY x.no
  LOOP
    CONTINUE WHEN offline_mandated_minor(v_claim.sender, v_claim.day, v_claim.currency, 9223372036854775807)
                  + v_claim.amount_minor > v_claim.day_max_minor
               OR offline_mandated_count(v_claim.sender, v_claim.day, 9223372036854775807) >= 10;
    INSERT INTO offline_mandated_payments (device_id, counter, wallet, day, currency, amount_minor, payer_device_id,
                                           mandate_rev, policy_version, posted_at)
    VALUES (v_claim.device_id, v_claim.counter, v_claim.sender, v_claim.day, v_claim.currency, v_claim.amount_minor,
            v_claim.mandate_device_id, v_claim.mandate_rev, v_claim.version, p_at);
    RETURN NEXT v_claim.no;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION offline_take_mandates FROM PUBLIC;
