-- The rules of a country, versioned like at the edge: a version is never changed, a new one follows it.
CREATE TABLE offline_policies (
  country                              text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  version                              int NOT NULL CHECK (version > 0),
  enabled                              boolean NOT NULL DEFAULT true,
  currency                             text NOT NULL DEFAULT 'XOF' CHECK (currency ~ '^[A-Z]{3}$'),
  time_zone                            text NOT NULL,
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
  PRIMARY KEY (country, version)
);
CREATE TRIGGER offline_policies_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offline_policies
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
GRANT SELECT, INSERT ON offline_policies TO molam_reconciler;

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

-- Adds to what a device did on a day.
CREATE FUNCTION record_device_activity(
  p_device_id text, p_day date, p_currency text, p_count int, p_value_minor bigint
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO offline_device_activity AS a (device_id, day, currency, count, value_minor)
  VALUES (p_device_id, p_day, p_currency, p_count, p_value_minor)
  ON CONFLICT (device_id, day, currency)
  DO UPDATE SET count = a.count + excluded.count, value_minor = a.value_minor + excluded.value_minor
$$;
REVOKE ALL ON FUNCTION record_device_activity FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_device_activity TO molam_reconciler;

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
