-- The book: double entry in minor units. Balances are kept on the account and, as a running balance, on each entry, so
-- that one can be proven from the other.

-- Domains, not constraints of the table: those would be checked again with each change of a balance.
CREATE DOMAIN wallet_core.wallet_id AS text CHECK (VALUE ~ '^[\x21-\x7e]{1,64}$');
CREATE DOMAIN wallet_core.currency AS text CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE DOMAIN wallet_core.account_kind AS text CHECK (VALUE IN ('customer', 'merchant', 'agent', 'system'));

CREATE TABLE wallet_core.accounts (
  account_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  wallet_id     wallet_core.wallet_id NOT NULL UNIQUE,
  currency      wallet_core.currency NOT NULL,
  kind          wallet_core.account_kind NOT NULL,
  -- What is available may not go below it; null is no floor, for accounts that money comes from.
  floor_minor   bigint DEFAULT 0,
  frozen        boolean NOT NULL DEFAULT false,
  -- Of the balance, what is kept for payments that wait for a person, and for what its owner's phone may spend with no network: the
  -- sum of the account's open holds and of what its allowance holds.
  held_minor    bigint NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
  balance_minor bigint NOT NULL DEFAULT 0,
  -- Number of the account's last entry.
  entry_seq     bigint NOT NULL DEFAULT 0,
  CONSTRAINT accounts_floor CHECK (floor_minor IS NULL OR balance_minor - held_minor >= floor_minor),
  CONSTRAINT accounts_unbounded CHECK (floor_minor IS NOT NULL OR kind = 'system')
)
-- Every posting rewrites the row: half a page stays free, so the new version fits beside the old one (HOT) and the
-- indexes are left alone.
WITH (fillfactor = 50);

CREATE TABLE wallet_core.transfers (
  -- Time-ordered, so that inserts stay at the right edge of the index.
  transfer_id       uuid PRIMARY KEY,
  -- A fee and what gives it back go with their payment and its reversal: the same source, one database transaction.
  kind              text NOT NULL CHECK (kind IN ('payment', 'fee', 'reversal', 'fee_reversal', 'funding')),
  -- What the transfer is for; for a payment the device and its counter. Posted once, whatever is sent again.
  source_id         text NOT NULL,
  source_no         bigint NOT NULL,
  debit_account_id  bigint NOT NULL,
  credit_account_id bigint NOT NULL,
  amount_minor      bigint NOT NULL CHECK (amount_minor > 0),
  currency          text NOT NULL,
  posted_at         timestamptz NOT NULL,
  -- In this order the numbers of a source lie side by side, one kind after the other.
  CONSTRAINT transfers_once UNIQUE (source_id, kind, source_no)
);

CREATE TABLE wallet_core.entries (
  account_id    bigint NOT NULL,
  seq           bigint NOT NULL CHECK (seq > 0),
  transfer_id   uuid NOT NULL,
  -- Negative for a debit.
  amount_minor  bigint NOT NULL CHECK (amount_minor <> 0),
  -- Of the account, after this entry.
  balance_minor bigint NOT NULL,
  posted_at     timestamptz NOT NULL,
  PRIMARY KEY (account_id, seq)
);
-- No foreign keys here: they cost half of the posting rate. The posting function asserts what they would, and it is
-- the only writer.

CREATE TRIGGER transfers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet_core.transfers
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet_core.entries
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();

CREATE VIEW wallet_core.balances AS
  SELECT wallet_id, currency, kind, balance_minor, floor_minor, frozen, held_minor,
         -- Null without a floor: no end of it.
         balance_minor - held_minor - floor_minor AS available_minor
  FROM wallet_core.accounts;

-- Zero for each currency, always: what one account gave, others got.
CREATE VIEW wallet_core.currency_sums AS
  SELECT a.currency, sum(e.amount_minor) AS sum_minor, count(*) AS entries
  FROM wallet_core.entries e JOIN wallet_core.accounts a USING (account_id)
  GROUP BY a.currency;

GRANT SELECT ON ALL TABLES IN SCHEMA wallet_core TO molam_record, molam_settle, molam_read;

-- Opaque to the book: the operator's own number of a person or a shop whose papers were seen (KYC).
CREATE DOMAIN wallet_core.holder_id AS text CHECK (VALUE ~ '^[\x21-\x7e]{1,64}$');
CREATE DOMAIN wallet_core.tenant_id AS text CHECK (VALUE ~ '^[A-Za-z0-9._-]{1,64}$');
-- E.164.
CREATE DOMAIN wallet_core.phone_number AS text CHECK (VALUE ~ '^\+[1-9][0-9]{6,14}$');

-- Whose money it is: a row for each account that is not the system's. Apart from the accounts, whose rows every posting
-- rewrites, and because it is personal: the application reads the tenant alone.
CREATE TABLE wallet_core.account_holders (
  account_id bigint PRIMARY KEY REFERENCES wallet_core.accounts,
  holder_id  wallet_core.holder_id NOT NULL,
  -- The organisation that the wallet was opened for: only its devices act for the wallet.
  tenant     wallet_core.tenant_id NOT NULL,
  phone      wallet_core.phone_number
);
GRANT SELECT (account_id, tenant) ON wallet_core.account_holders TO molam_record, molam_settle, molam_read;

-- Opening an account twice is the same as once; with other facts it is an error.
CREATE FUNCTION wallet_core.open_account(
  p_wallet_id text, p_currency text, p_kind text, p_holder_id text, p_tenant text, p_phone text DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SET search_path = wallet_core, pg_temp AS $$
DECLARE
  v_account accounts;
  v_holder  account_holders;
BEGIN
  IF p_kind = 'system' THEN
    RAISE EXCEPTION 'a system account has no holder' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO accounts (wallet_id, currency, kind) VALUES (p_wallet_id, p_currency, p_kind)
  ON CONFLICT (wallet_id) DO NOTHING
  RETURNING * INTO v_account;
  IF FOUND THEN
    INSERT INTO account_holders VALUES (v_account.account_id, p_holder_id, p_tenant, p_phone);
    RETURN v_account.account_id;
  END IF;
  SELECT * INTO STRICT v_account FROM accounts WHERE wallet_id = p_wallet_id;
  SELECT * INTO v_holder FROM account_holders WHERE account_id = v_account.account_id;
  IF (v_account.currency, v_account.kind, v_holder.holder_id, v_holder.tenant, v_holder.phone)
       IS DISTINCT FROM (p_currency, p_kind, p_holder_id, p_tenant, p_phone) THEN
    RAISE EXCEPTION 'the account exists with other facts' USING ERRCODE = 'unique_violation';
  END IF;
  RETURN v_account.account_id;
END $$;
REVOKE ALL ON FUNCTION wallet_core.open_account FROM PUBLIC;

-- An account of the book's own, without a floor and without a holder: where money comes from, and where fees go.
CREATE FUNCTION wallet_core.open_system_account(p_wallet_id text, p_currency text) RETURNS void
LANGUAGE plpgsql SET search_path = wallet_core, pg_temp AS $$
BEGIN
  INSERT INTO accounts (wallet_id, currency, kind, floor_minor) VALUES (p_wallet_id, p_currency, 'system', NULL)
  ON CONFLICT (wallet_id) DO NOTHING;
  IF NOT EXISTS (SELECT FROM accounts WHERE (wallet_id, currency, kind) = (p_wallet_id, p_currency, 'system')) THEN
    RAISE EXCEPTION 'the account exists with other facts' USING ERRCODE = 'unique_violation';
  END IF;
END $$;
REVOKE ALL ON FUNCTION wallet_core.open_system_account FROM PUBLIC;
