/**
 * The Country Object's own SQLite.
 *
 * - `devices`  one row each device that there is, or may be: `device` is null until its object has told of itself. Before an object
 *              is asked to be a device it stands here, so that the sweep reaches all of them, whatever became of their alarms.
 *              `listed_rev` is how far the object has told, `consent_request` what one person asked for and another may confirm.
 * - `versions`, `proposals` what people made of the policy: signed, and under MACs, as D1 has them or had them.
 * - `denied`   one row each pass of a stopped phone, and each that may be believed again, numbered by its change.
 * - `waiting`  one row each bundle that waits for people, or for the word of a payer: the row that the read model should have.
 */
const STATEMENTS = [
  `CREATE TABLE IF NOT EXISTS devices (
    device_id TEXT PRIMARY KEY,
    swept_at INTEGER,
    listed_rev INTEGER NOT NULL DEFAULT 0,
    listed_at INTEGER,
    tenant TEXT,
    status TEXT,
    device TEXT,
    consent_request TEXT,
    asked_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  'CREATE INDEX IF NOT EXISTS devices_by_sweep ON devices (swept_at, device_id)',
  'CREATE INDEX IF NOT EXISTS devices_asked ON devices (asked_at, device_id) WHERE asked_at IS NOT NULL',
  `CREATE TABLE IF NOT EXISTS waiting (
    device_id TEXT NOT NULL,
    bundle_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    status TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    bundle TEXT NOT NULL,
    PRIMARY KEY (device_id, bundle_id)
  ) STRICT, WITHOUT ROWID`,
  'CREATE TABLE IF NOT EXISTS versions (version INTEGER PRIMARY KEY, signed BLOB NOT NULL) STRICT',
  `CREATE TABLE IF NOT EXISTS proposals (id TEXT PRIMARY KEY, state TEXT NOT NULL, proposal TEXT NOT NULL)
    STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS denied (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    kid BLOB NOT NULL UNIQUE,
    device_id TEXT NOT NULL,
    until INTEGER NOT NULL,
    is_denied INTEGER NOT NULL
  ) STRICT`,
  'CREATE INDEX IF NOT EXISTS denied_by_device ON denied (device_id)',
  'CREATE INDEX IF NOT EXISTS waiting_by_time ON waiting (received_at, bundle_id, device_id)',
]

export function createSchema(sql: SqlStorage): void {
  for (const statement of STATEMENTS) sql.exec(statement)
}
