-- A row a payment, with the foreign keys, checks and indexes that a first version has.
CREATE TABLE accounts (
  account_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  wallet text NOT NULL UNIQUE,
  balance_minor bigint NOT NULL CHECK (balance_minor >= 0)
);

CREATE TABLE devices (
  device_id text PRIMARY KEY,
  public_key bytea NOT NULL,
  owner_wallet text NOT NULL REFERENCES accounts (wallet),
  status text NOT NULL DEFAULT 'active',
  head_seq bigint NOT NULL DEFAULT 0,
  head_digest bytea,
  last_counter bigint NOT NULL DEFAULT 0
);

CREATE TABLE device_days (
  device_id text NOT NULL REFERENCES devices,
  day date NOT NULL,
  payments bigint NOT NULL,
  amount_minor bigint NOT NULL,
  PRIMARY KEY (device_id, day)
);

CREATE TABLE bundles (
  device_id text NOT NULL REFERENCES devices,
  seq bigint NOT NULL,
  bundle_id bytea NOT NULL UNIQUE,
  nonce bytea NOT NULL,
  digest bytea NOT NULL,
  bundle bytea NOT NULL,
  receipt bytea NOT NULL,
  received_at timestamptz NOT NULL,
  settled_at timestamptz,
  PRIMARY KEY (device_id, seq),
  UNIQUE (device_id, nonce)
);
CREATE INDEX bundles_unsettled ON bundles (received_at) WHERE settled_at IS NULL;

CREATE TABLE payments (
  device_id text NOT NULL,
  counter bigint NOT NULL,
  seq bigint NOT NULL,
  type text NOT NULL,
  method text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency text NOT NULL,
  sender text NOT NULL,
  receiver text NOT NULL,
  initiated_at timestamptz NOT NULL,
  status text NOT NULL DEFAULT 'pending',
  transfer_id uuid,
  status_at timestamptz NOT NULL,
  PRIMARY KEY (device_id, counter),
  FOREIGN KEY (device_id, seq) REFERENCES bundles
);
CREATE INDEX payments_by_bundle ON payments (device_id, seq);

CREATE TABLE transfers (
  transfer_id uuid PRIMARY KEY DEFAULT uuidv7(),
  device_id text NOT NULL,
  counter bigint NOT NULL,
  debit_account_id bigint NOT NULL REFERENCES accounts,
  credit_account_id bigint NOT NULL REFERENCES accounts,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency text NOT NULL,
  posted_at timestamptz NOT NULL,
  UNIQUE (device_id, counter),
  FOREIGN KEY (device_id, counter) REFERENCES payments
);

CREATE TABLE entries (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transfer_id uuid NOT NULL REFERENCES transfers,
  account_id bigint NOT NULL REFERENCES accounts,
  amount_minor bigint NOT NULL,
  posted_at timestamptz NOT NULL
);
CREATE INDEX entries_by_account ON entries (account_id, entry_id);
