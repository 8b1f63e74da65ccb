import { DatabaseSync } from 'node:sqlite'

/** Fills a read model beside workerd, while that rests. */

/** Ids kept to ask for; more would only be more memory. */
const IDS_MAX = 20_000

export interface Stored {
  readonly bundles: number
  readonly devices: number
  /** Of their devices' ids. */
  readonly prefix: string
}

/**
 * Copies real rows until this many are stored, with other ids, devices and times: what they hold is as large as in life.
 *
 * @param file D1's
 * @returns ids of bundles to ask for, spread over all
 */
export function fill(file: string, { bundles, devices, prefix }: Stored): readonly string[] {
  const db = new DatabaseSync(file)
  try {
    db.exec('PRAGMA busy_timeout = 10000; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000')
    copyRows(db, 'offline_devices', 'TRUE', devices, { device_id: `'${prefix}-' || n.i` })
    copyRows(db, 'offline_tx_bundles', "status = 'accepted'", bundles, {
      // A ULID: its first ten characters are the time, here a number that grows.
      bundle_id: `'01${prefix[0]}' || printf('%08d', n.i) || 'ABCDEFGHJKMNPQR'`,
      device_id: `'${prefix}-' || (n.i % ${devices} + 1)`,
      seq: `n.i / ${devices} + 1`,
      received_at: 'r.received_at - n.i',
    })
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    const every = Math.max(1, Math.floor(bundles / IDS_MAX))
    const rows = db
      .prepare('SELECT bundle_id FROM offline_tx_bundles WHERE device_id LIKE ? AND received_at % ? = 0')
      .all(`${prefix}-%`, every) as { bundle_id: string }[]
    return rows.map(({ bundle_id }) => bundle_id)
  } finally {
    db.close()
  }
}

/** @param changed column → what stands there instead of the row's own value, by the copy's number `n.i` */
function copyRows(
  db: DatabaseSync,
  table: string,
  where: string,
  count: number,
  changed: Readonly<Record<string, string>>,
): void {
  const columns = db.prepare('SELECT name FROM pragma_table_info(?)').all(table) as { name: string }[]
  const names = columns.map(({ name }) => name)
  db.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO ${table} (${names.join()})
     SELECT ${names.map((name) => changed[name] ?? `r.${name}`).join()}
     FROM n, (SELECT * FROM ${table} WHERE ${where} LIMIT 1) r`,
  ).run(count)
}
