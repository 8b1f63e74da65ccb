/** What D1 shows of one device: the object compares it with what it has told, and tells again what is missing. */
export interface Shown {
  /** 0 when the device is not shown. */
  readonly deviceRev: number
  /** bundle_id → rev. */
  readonly bundles: ReadonlyMap<string, number>
  readonly audit: ReadonlySet<string>
}

const SQL = `
  SELECT 'device' AS kind, device_id AS id, rev FROM offline_devices WHERE device_id = ?1
  UNION ALL
  SELECT 'bundle', bundle_id, rev FROM offline_tx_bundles
    WHERE device_id = ?1 AND bundle_id IN (SELECT value FROM json_each(?2))
  UNION ALL
  SELECT 'audit', id, 0 FROM offline_audit_logs WHERE id IN (SELECT value FROM json_each(?3))`

/** One statement, whatever is asked. @throws when D1 cannot be reached */
export async function readShown(
  db: D1Database,
  deviceId: string,
  bundleIds: readonly string[],
  auditIds: readonly string[],
): Promise<Shown> {
  const statement = db.prepare(SQL).bind(deviceId, JSON.stringify(bundleIds), JSON.stringify(auditIds))
  const { results } = await statement.all<{ kind: string; id: string; rev: number }>()
  const of = (kind: string) => results.filter((row) => row.kind === kind)
  return {
    deviceRev: of('device')[0]?.rev ?? 0,
    bundles: new Map(of('bundle').map(({ id, rev }) => [id, rev])),
    audit: new Set(of('audit').map(({ id }) => id)),
  }
}
