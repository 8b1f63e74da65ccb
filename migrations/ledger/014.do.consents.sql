-- That a device may debit its owner's wallet, as the edge signed it: two people of the wallet's tenant said so about one key
-- of the device, or another device of the wallet did, or its holder by a code. Evidence, and what a debit by the device's own word needs.
CREATE TABLE offline_wallet_consents (
  device_id    text NOT NULL,
  -- SHA-256 over the signed bytes.
  digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
  thumbprint   bytea NOT NULL CHECK (octet_length(thumbprint) = 32),
  wallet       text NOT NULL,
  tenant       text NOT NULL,
  asked_by     text NOT NULL,
  confirmed_by text NOT NULL CHECK (confirmed_by <> asked_by),
  -- The device whose word it is; null: people's.
  giver        text CHECK (confirmed_by = 'device:' || giver),
  -- The holder's own word, by a code (016.do.consent_codes.sql).
  by_holder    boolean NOT NULL CHECK (by_holder = (confirmed_by = 'holder')),
  given_at     timestamptz NOT NULL,
  -- The last moment at which a payment may be taken by it.
  until_at     timestamptz NOT NULL CHECK (until_at > given_at),
  -- By the edge's clock, the earliest that was said; null while nobody withdrew it.
  withdrawn_at timestamptz,
  -- By the reconciler's clock, when that was recorded: what was posted before was posted by what the book knew.
  withdrawal_known_at timestamptz,
  signed       bytea NOT NULL,
  recorded_at  timestamptz NOT NULL,
  PRIMARY KEY (device_id, digest),
  CONSTRAINT wallet_consents_known CHECK ((withdrawn_at IS NULL) = (withdrawal_known_at IS NULL))
);
CREATE TRIGGER offline_wallet_consents_kept BEFORE DELETE OR TRUNCATE ON offline_wallet_consents
  FOR EACH STATEMENT EXECUTE FUNCTION wallet_core.refuse_change();
-- Withdrawn is withdrawn, and nothing else changes.
CREATE TRIGGER offline_wallet_consents_withdrawn BEFORE UPDATE ON offline_wallet_consents FOR EACH ROW
  WHEN (new.withdrawn_at IS NULL OR new.withdrawn_at > old.withdrawn_at OR new.withdrawal_known_at < old.withdrawal_known_at
        OR new.withdrawn_at = old.withdrawn_at AND new.withdrawal_known_at <> old.withdrawal_known_at
        OR (old.device_id, old.digest, old.thumbprint, old.wallet, old.tenant, old.asked_by, old.confirmed_by, old.giver,
            old.by_holder, old.given_at, old.until_at, old.signed, old.recorded_at)
           IS DISTINCT FROM (new.device_id, new.digest, new.thumbprint, new.wallet, new.tenant, new.asked_by,
                             new.confirmed_by, new.giver, new.by_holder, new.given_at, new.until_at, new.signed, new.recorded_at))
  EXECUTE FUNCTION wallet_core.refuse_change();

-- Whether it holds the ledger says, each time it is asked: the edge does not know whose a wallet is. A tenant speaks for its
-- merchants and agents; for customers nobody speaks but themselves, with a device of theirs or by a code. That it is that device's word
-- the reconciler verifies each time it reads it (registry/consent-words.ts), and the code when it is recorded, and the verifier again.
CREATE VIEW offline_consents AS
  SELECT c.*, coalesce(c.wallet = d.owner_wallet AND c.tenant = d.tenant AND h.tenant = c.tenant
                       AND (a.kind IN ('merchant', 'agent') OR c.giver IS NOT NULL OR c.by_holder), false) AS holds
  FROM offline_wallet_consents c
  JOIN offline_devices d USING (device_id)
  LEFT JOIN wallet_core.accounts a ON a.wallet_id = c.wallet
  LEFT JOIN wallet_core.account_holders h USING (account_id);

GRANT SELECT ON offline_wallet_consents, offline_consents TO molam_record, molam_settle, molam_read;
GRANT INSERT, UPDATE (withdrawn_at, withdrawal_known_at) ON offline_wallet_consents TO molam_record;
