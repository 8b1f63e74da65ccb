-- The rules of a country, versioned like at the edge: a version is never changed, a new one follows it.
CREATE TABLE offline_policies (
  country                              text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  version                              int NOT NULL CHECK (version > 0),
  enabled                              boolean NOT NULL DEFAULT true,
  currency                             text NOT NULL DEFAULT 'XOF' CHECK (currency ~ '^[A-Z]{3}$'),
  -- Days are counted in it: one that this database does not know must not get as far as posting.
  time_zone                            text NOT NULL CHECK (timestamptz 'epoch' AT TIME ZONE time_zone IS NOT NULL),
  max_offline_amount                   bigint NOT NULL DEFAULT 100000,
  max_offline_per_device_per_day       int NOT NULL DEFAULT 50,
  max_offline_value_per_device_per_day bigint NOT NULL DEFAULT 500000,
  require_payer_proof_above            bigint NOT NULL DEFAULT 10000,
  require_agent_approval_above         bigint NOT NULL DEFAULT 50000,
  require_manual_review_above          bigint NOT NULL DEFAULT 75000,
  allowed_methods                      text[] NOT NULL DEFAULT '{wallet,qr,ussd}'
    CHECK (allowed_methods <@ ARRAY['wallet', 'qr', 'ussd']),
  max_bundle_age_hours                 int NOT NULL DEFAULT 72,
  max_clock_skew_minutes               int NOT NULL DEFAULT 30,
  max_relay_hours                      int NOT NULL DEFAULT 24,
  accept_below_score                   double precision NOT NULL DEFAULT 0.15 CHECK (accept_below_score BETWEEN 0 AND 1),
  quarantine_above_score               double precision NOT NULL DEFAULT 0.35
    CHECK (quarantine_above_score BETWEEN accept_below_score AND 1),
  max_days_since_sync                  int NOT NULL DEFAULT 4,
  person_daily_value                   bigint NOT NULL DEFAULT 200000 CHECK (person_daily_value >= 0),
  max_offline_value_between_syncs      bigint NOT NULL DEFAULT 750000 CHECK (max_offline_value_between_syncs >= 0),
  mandate_payment_max                  bigint NOT NULL DEFAULT 2000 CHECK (mandate_payment_max >= 0),
  mandate_day_max                      bigint NOT NULL DEFAULT 5000 CHECK (mandate_day_max >= mandate_payment_max),
  allowance_max                        bigint NOT NULL DEFAULT 50000 CHECK (allowance_max >= 0),
  -- What the edge signed when people put it in force; the columns say it again for queries. The first versions are code.
  signed                               bytea CHECK ((version = 1) = (signed IS NULL)),
  PRIMARY KEY (country, version)
);
CREATE TRIGGER offline_policies_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_policies
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON offline_policies TO molam_record, molam_settle, molam_read;
GRANT INSERT ON offline_policies TO molam_record;

INSERT INTO offline_policies (country, version, time_zone) VALUES
  ('SN', 1, 'Africa/Dakar'),
  ('CI', 1, 'Africa/Abidjan'),
  ('ML', 1, 'Africa/Bamako'),
  ('BF', 1, 'Africa/Ouagadougou'),
  ('TG', 1, 'Africa/Lome'),
  ('BJ', 1, 'Africa/Porto-Novo');

-- The newest policy of a country; no row for a country that has none.
CREATE FUNCTION get_offline_policy(p_country text) RETURNS SETOF offline_policies
LANGUAGE sql STABLE AS $$
  SELECT * FROM offline_policies WHERE country = p_country ORDER BY version DESC LIMIT 1
$$;

-- Adds payments to what their devices did on their days.
CREATE FUNCTION record_device_activity(
  p_device_id text[], p_day date[], p_currency text[], p_amount_minor bigint[]
) RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
  INSERT INTO offline_device_activity AS a (device_id, day, currency, count, value_minor)
  SELECT device_id, day, currency, count(*), sum(amount_minor)
  FROM unnest(p_device_id, p_day, p_currency, p_amount_minor) AS x (device_id, day, currency, amount_minor)
  GROUP BY device_id, day, currency ORDER BY device_id, day, currency
  ON CONFLICT (device_id, day, currency)
  DO UPDATE SET count = a.count + excluded.count, value_minor = a.value_minor + excluded.value_minor
$$;
REVOKE ALL ON FUNCTION record_device_activity FROM PUBLIC;

-- Whether a device may take that much more on a day, by its country's newest policy. False where there is no policy.
CREATE FUNCTION check_device_daily_limits(
  p_country text, p_device_id text, p_day date, p_currency text, p_count int, p_value_minor bigint
) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM get_offline_policy(p_country) p
    LEFT JOIN offline_device_activity a
      ON a.device_id = p_device_id AND a.day = p_day AND a.currency = p_currency
    WHERE p.enabled
      AND coalesce(a.count, 0) + p_count <= p.max_offline_per_device_per_day
      AND coalesce(a.value_minor, 0) + p_value_minor <= p.max_offline_value_per_device_per_day
  )
$$;

-- What a payment costs, by country, type and currency; no row, no fee. Apart from the policies: those are the devices'
-- too, and a fee is between the wallets and the book, may change without a new policy on every device, and is never a
-- reason to refuse a payment offline. Versions are never changed; one with nothing to pay ends the one before.
CREATE TABLE offline_fee_rules (
  country        text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  type           text NOT NULL CHECK (type IN ('p2p', 'merchant', 'cashin', 'cashout', 'agent')),
  currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  version        int NOT NULL CHECK (version > 0),
  -- For payments that the edge admitted from then on; of several the highest version.
  effective_from timestamptz NOT NULL,
  flat_minor     bigint NOT NULL CHECK (flat_minor >= 0),
  basis_points   int NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
  -- Who pays it: the payer on top of the amount, the payee out of it.
  bearer         text NOT NULL CHECK (bearer IN ('payer', 'payee')),
  PRIMARY KEY (country, type, currency, version)
);
CREATE TRIGGER offline_fee_rules_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_fee_rules
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT ON offline_fee_rules TO molam_record, molam_settle, molam_read;

-- Flat plus basis points of the amount, rounded half up to a minor unit. A payee never pays more than it is given.
CREATE FUNCTION offline_fee_minor(p_amount_minor bigint, p_flat_minor bigint, p_basis_points int, p_bearer text)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT least(p_flat_minor + div(p_amount_minor::numeric * p_basis_points + 5000, 10000),
               CASE p_bearer WHEN 'payee' THEN p_amount_minor END)::bigint
$$;

-- For whoever owns the schema: the next version of a rule, and the account that its fees go to.
CREATE FUNCTION set_offline_fee(
  p_country text, p_type text, p_currency text, p_flat_minor bigint, p_basis_points int, p_bearer text,
  p_effective_from timestamptz
) RETURNS int
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  v_version int;
BEGIN
  PERFORM wallet_core.open_system_account(wallet_core.fee_account(p_country, p_currency), p_currency);
  SELECT coalesce(max(version), 0) + 1 INTO v_version FROM offline_fee_rules
  WHERE country = p_country AND type = p_type AND currency = p_currency;
  INSERT INTO offline_fee_rules
  VALUES (p_country, p_type, p_currency, v_version, p_effective_from, p_flat_minor, p_basis_points, p_bearer);
  RETURN v_version;
END $$;
REVOKE ALL ON FUNCTION set_offline_fee FROM PUBLIC;
