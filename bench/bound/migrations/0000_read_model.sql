-- The least that people can be shown: a row a bundle, found by its id and by its time, and a record of what became of it.
-- The signed bytes are with the device's object.
CREATE TABLE offline_tx_bundles (
  bundle_id text NOT NULL,
  device_id text NOT NULL,
  country text NOT NULL,
  tenant text NOT NULL,
  seq integer NOT NULL,
  status text NOT NULL,
  rev integer NOT NULL,
  currency text NOT NULL,
  first_counter integer NOT NULL,
  last_counter integer NOT NULL,
  admitted_count integer NOT NULL,
  admitted_amount integer NOT NULL,
  policy_version integer NOT NULL,
  risk_score real NOT NULL,
  risk_reasons text NOT NULL,
  received_at integer NOT NULL,
  updated_at integer NOT NULL,
  payments text NOT NULL,
  PRIMARY KEY (bundle_id, device_id)
) WITHOUT ROWID;

CREATE INDEX offline_tx_bundles_by_time ON offline_tx_bundles (received_at);

CREATE TABLE offline_audit_logs (
  id text PRIMARY KEY NOT NULL,
  device_id text NOT NULL,
  tenant text NOT NULL,
  at integer NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  bundle_id text NOT NULL,
  detail text NOT NULL
) WITHOUT ROWID;
