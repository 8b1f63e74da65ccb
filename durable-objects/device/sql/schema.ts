import { WAITING_STATUSES } from '../../../src/protocol/states.ts'

const WAITS = `(${WAITING_STATUSES.map((status) => `'${status}'`).join()})`
const LIST_BUNDLE = `
  UPDATE device SET listing_rev = listing_rev + 1;
  UPDATE bundles SET listing_rev = (SELECT listing_rev FROM device) WHERE seq = NEW.seq;`

/**
 * The Device Object's own SQLite: the truth about one device. Made when the device is registered and not before, so
 * that a flood of unknown device ids writes nothing.
 *
 * - `device`    one row: its facts, the chain's head, what was counted. `row_version` changes with every write of what an
 *               admission is decided on; `listing_rev` with every change of what the object of the country lists, which has
 *               it up to `listed_rev`.
 * - `bundles`   one row an admitted bundle, kept: idempotency, nonce, chain, decisions, outcomes, what is owed. `expires_at`
 *               is null while nothing of it waits for people. `bundle` is null once the bytes are in the bucket, by the hash `moved`.
 * - `left_out`  places in the chain, and counters, that the device left out when it went on without its state.
 * - `outcomes`  what devices are told on their next sync, one row a confirmation; kept, read from the device's cursor on.
 * - `audit`     append-only, by triggers. Admissions and settlements are in it by their bundles' rows, which the same kind of
 *               triggers keeps from being changed.
 * - `evidence`  digests and signatures of bundles that contradict admitted ones, and which.
 * - `resolutions` what people concluded about payments; owed to the reconciler until it is recorded there.
 * - `answers`   answers to writes of people that named an `Idempotency-Key`; kept for days.
 * - `claim_answers` what the owner signed about claims on the owner's wallet; owed like resolutions.
 * - `mandates`  what the owner signed about small debits to come; owed like answers, and numbered with them.
 * - `allowance_orders` what the owner signed about allowances of the device; owed like answers, and numbered with them.
 * - `allowance` one row: how the newest allowance is, as the reconciler said last.
 * - `taken_by_others` one row: the claims on the owner's wallet that wait for an answer, what its mandates paid, and what became of
 *   what was taken on its holder's word, as the reconciler said last.
 * - `escalations` what a person at SIRA has to look at; `told` once SIRA has taken it.
 *
 * Nothing but `answers` is deleted, so rowids are never used twice; AUTOINCREMENT would cost one more row written for each insert.
 */
const STATEMENTS = [
  `CREATE TABLE device (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    device_id TEXT NOT NULL,
    public_key BLOB NOT NULL,
    alg INTEGER NOT NULL,
    kid BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
    country TEXT NOT NULL,
    tenant TEXT NOT NULL,
    owner_wallet TEXT NOT NULL,
    owner_wallet_fault TEXT CHECK (owner_wallet_fault IN ('unknown', 'foreign')),
    registered_at INTEGER NOT NULL,
    facts_at INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    recorded_rev INTEGER NOT NULL,
    indexed_rev INTEGER NOT NULL,
    row_version INTEGER NOT NULL,
    head INTEGER NOT NULL,
    bundle_count INTEGER NOT NULL,
    counters TEXT NOT NULL,
    activity TEXT NOT NULL,
    unsynced TEXT NOT NULL,
    used_requests TEXT NOT NULL,
    stored TEXT NOT NULL,
    policy TEXT NOT NULL,
    done_through INTEGER NOT NULL,
    audit_done_through INTEGER NOT NULL,
    key_rev INTEGER NOT NULL,
    older_keys TEXT NOT NULL,
    last_code TEXT NOT NULL,
    registrars TEXT NOT NULL,
    consents TEXT NOT NULL,
    consent_request TEXT NOT NULL,
    withdrawn_at INTEGER NOT NULL,
    code_request TEXT NOT NULL,
    history TEXT NOT NULL,
    reputation TEXT NOT NULL,
    reputation_cursor INTEGER NOT NULL,
    moved_through INTEGER NOT NULL DEFAULT 0,
    listing_rev INTEGER NOT NULL DEFAULT 1,
    listed_rev INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  `CREATE TABLE bundles (
    seq INTEGER PRIMARY KEY,
    bundle_id BLOB NOT NULL UNIQUE,
    nonce BLOB NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    prev BLOB NOT NULL,
    bundle BLOB,
    moved BLOB,
    receipt BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    time_floor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    first_counter INTEGER NOT NULL,
    last_counter INTEGER NOT NULL,
    admitted_count INTEGER NOT NULL,
    admitted_amount INTEGER NOT NULL,
    policy_version INTEGER NOT NULL,
    risk_score REAL NOT NULL,
    risk_reasons TEXT NOT NULL,
    payments TEXT NOT NULL,
    status TEXT NOT NULL,
    recorded INTEGER NOT NULL,
    settled_rev INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    indexed_rev INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    votes TEXT NOT NULL,
    admitted_by TEXT NOT NULL,
    settlements TEXT NOT NULL,
    expires_at INTEGER,
    listing_rev INTEGER,
    CHECK ((bundle IS NULL) <> (moved IS NULL))
  ) STRICT`,
  `CREATE TABLE left_out (
    before_seq INTEGER PRIMARY KEY,
    after_seq INTEGER NOT NULL,
    first_counter INTEGER,
    last_counter INTEGER
  ) STRICT`,
  `CREATE TABLE outcomes (
    cursor INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    encoded BLOB NOT NULL,
    events TEXT NOT NULL
  ) STRICT`,
  `CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    bundle_id TEXT,
    request_id TEXT,
    detail TEXT NOT NULL
  ) STRICT`,
  `CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END`,
  `CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END`,
  // REPLACE deletes the row that is in its way without asking the trigger above.
  `CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END`,
  // What a bundle's row says of its admission and its settlements is the audit record of them.
  `CREATE TRIGGER bundles_no_delete BEFORE DELETE ON bundles BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END`,
  `CREATE TRIGGER bundles_no_replace BEFORE INSERT ON bundles 
    WHEN EXISTS (SELECT 1 FROM bundles WHERE seq = NEW.seq OR bundle_id = NEW.bundle_id OR nonce = NEW.nonce)
    BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: audit is append-only'); END`,
  `CREATE TRIGGER bundles_no_update BEFORE UPDATE OF seq, bundle_id, nonce, digest, prev, receipt, admitted_count,
    received_at, admitted_by ON bundles
    BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END`,
  // Bytes may only go where others have them: the reconciler the bundle, the bucket its bytes.
  `CREATE TRIGGER bundles_bytes BEFORE UPDATE OF bundle, moved ON bundles
    WHEN NEW.bundle IS NOT NULL OR OLD.moved IS NOT NULL OR OLD.recorded = 0
    BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END`,
  // A list is continued: without its last bracket, the older one begins the newer.
  `CREATE TRIGGER bundles_append BEFORE UPDATE OF settlements ON bundles
    WHEN substr(NEW.settlements, 1, length(OLD.settlements) - 1) <> rtrim(OLD.settlements, ']')
    BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END`,
  `CREATE TABLE evidence (
    digest BLOB NOT NULL,
    kind TEXT NOT NULL,
    seq INTEGER NOT NULL,
    against_seq INTEGER,
    signed BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (digest, kind)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE resolutions (
    rev INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('review', 'reversal')),
    bundle_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    choices TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    actors TEXT NOT NULL,
    recorded INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  `CREATE TABLE answers (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE escalations (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digests TEXT NOT NULL,
    at INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  'CREATE INDEX bundles_waiting ON bundles (expires_at) WHERE expires_at IS NOT NULL',
  // What the object of the country lists is owed to it by whatever changes it, so that no write can forget to say so.
  `CREATE TRIGGER listing_of_device AFTER UPDATE OF rev, consent_request ON device
    WHEN NEW.rev <> OLD.rev OR NEW.consent_request <> OLD.consent_request
    BEGIN UPDATE device SET listing_rev = listing_rev + 1; END`,
  `CREATE TRIGGER listing_of_new_bundle AFTER INSERT ON bundles WHEN NEW.status IN ${WAITS}
    BEGIN ${LIST_BUNDLE} END`,
  `CREATE TRIGGER listing_of_bundle AFTER UPDATE OF rev ON bundles
    WHEN NEW.rev <> OLD.rev AND (NEW.status IN ${WAITS} OR OLD.status IN ${WAITS})
    BEGIN ${LIST_BUNDLE} END`,
  'CREATE INDEX bundles_listed ON bundles (listing_rev) WHERE listing_rev IS NOT NULL',
  `CREATE TABLE claim_answers (
    rev INTEGER PRIMARY KEY,
    taker_id TEXT NOT NULL,
    counter INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('confirm', 'refuse')),
    answer BLOB NOT NULL,
    facts_rev INTEGER NOT NULL,
    at INTEGER NOT NULL,
    recorded INTEGER NOT NULL DEFAULT 0,
    UNIQUE (taker_id, counter, content_hash)
  ) STRICT`,
  `CREATE TABLE taken_by_others (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    rev INTEGER NOT NULL,
    claims BLOB NOT NULL,
    mandated BLOB NOT NULL,
    debits BLOB NOT NULL
  ) STRICT`,
  `CREATE TABLE mandates (
    rev INTEGER PRIMARY KEY,
    no INTEGER NOT NULL UNIQUE,
    mandate BLOB NOT NULL,
    facts_rev INTEGER NOT NULL,
    at INTEGER NOT NULL,
    recorded INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  'CREATE TABLE passes (kid BLOB PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  'CREATE INDEX mandates_owed ON mandates (rev) WHERE recorded = 0',
  `CREATE TABLE allowance_orders (
    rev INTEGER PRIMARY KEY,
    no INTEGER NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('open', 'close')),
    ceiling INTEGER,
    signed BLOB NOT NULL,
    facts_rev INTEGER NOT NULL,
    at INTEGER NOT NULL,
    recorded INTEGER NOT NULL DEFAULT 0,
    UNIQUE (no, choice)
  ) STRICT`,
  'CREATE INDEX allowance_orders_owed ON allowance_orders (rev) WHERE recorded = 0',
  `CREATE TABLE allowance (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    rev INTEGER NOT NULL,
    standing BLOB NOT NULL,
    convicted_no INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  'CREATE INDEX claim_answers_owed ON claim_answers (rev) WHERE recorded = 0',
  'CREATE INDEX resolutions_owed ON resolutions (rev) WHERE recorded = 0',
  'CREATE INDEX resolutions_by_seq ON resolutions (seq)',
]

export function createSchema(sql: SqlStorage): void {
  for (const statement of STATEMENTS) sql.exec(statement)
}

/** Reads only: an object that was never registered stays without any storage. */
export function hasSchema(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'device'").toArray().length > 0
}
