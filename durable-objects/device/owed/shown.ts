import type { ShownFrom, ShownPart } from '../../../src/edge/store/index-message.ts'
import { hasLeft } from '../retention.ts'
import { readAudit } from '../sql/audit-store.ts'
import { readAfter } from '../sql/bundle-store.ts'
import { readDevice } from '../sql/device-store.ts'
import { auditRows } from './delivery.ts'
import { deviceIndexMessageOf, indexMessageOf } from './owed.ts'

/** Some KB each at the most: a part is one parameter of D1, which takes 2 MB. */
const BUNDLES_MAX = 100
const RECORDS_MAX = 200

/** Before what has changed since then, and before the last part. */
export interface ShownPlaces {
  readonly from: ShownFrom
  readonly newest: ShownFrom
}

export function readPlaces(sql: SqlStorage, sinceMs: number): ShownPlaces {
  const places = `
    SELECT (SELECT COALESCE(MAX(seq), 0) FROM bundles) AS seq, (SELECT COALESCE(MAX(id), 0) FROM audit) AS auditId,
      (SELECT MIN(seq) FROM bundles WHERE updated_at >= ?1) AS firstSeq, (SELECT MIN(id) FROM audit WHERE at >= ?1) AS firstId`
  const { seq, auditId, firstSeq, firstId } = sql
    .exec<{ seq: number; auditId: number; firstSeq: number | null; firstId: number | null }>(places, sinceMs)
    .one()
  const from = { seq: firstSeq === null ? seq : firstSeq - 1, auditId: firstId === null ? auditId : firstId - 1 }
  return {
    from,
    newest: { seq: Math.max(from.seq, seq - BUNDLES_MAX), auditId: Math.max(from.auditId, auditId - RECORDS_MAX) },
  }
}

/** In the order of seqs and of numbers, both at once. */
export function readShown(sql: SqlStorage, { seq, auditId }: ShownFrom, nowMs: number): ShownPart {
  const device = readDevice(sql)
  const found = readAfter(sql, seq, BUNDLES_MAX)
  const shown = found.filter((bundle) => !hasLeft(bundle, nowMs))
  const messages = shown.map((bundle) => indexMessageOf(device, bundle))
  const records = readAudit(sql, auditId, RECORDS_MAX)
  const bundles = messages.flatMap(({ bundle }) => bundle ?? [])
  const last = records.at(-1)?.id ?? auditId
  const isLast = found.length < BUNDLES_MAX && records.length < RECORDS_MAX
  const { device: row } = deviceIndexMessageOf(device)
  if (row === undefined) throw new Error('a device without a row')
  return {
    device: row,
    bundles,
    audit: [...auditRows(device, records), ...messages.flatMap(({ audit = [] }) => audit)],
    auditId: last,
    next: isLast ? null : { seq: found.at(-1)?.seq ?? seq, auditId: last },
  }
}
