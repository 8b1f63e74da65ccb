import { COUNTRIES } from '../../protocol/policy.ts'
import { SETTLED_SOON_MS, usualRecords } from './bundle-audit.ts'
import type { AuditRow } from './index-message.ts'
import type { PackedAdmission, PackedSettlement } from './packed.ts'
import { Where } from './query.ts'

export interface AuditFilter {
  readonly deviceId?: string | undefined
  readonly bundleId?: string | undefined
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly tenant?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Of the last record of the page before. */
  readonly after?: Position | undefined
}

/** Where a record stands in the log; means nothing to anybody else. */
export type Position = readonly [at: number, key: string]
export type Order = 'asc' | 'desc'

/** A table whose rows are audit records, in the order of a time and of what tells records of one millisecond apart. */
export interface AuditSource {
  /** Tells its positions from those of the others; of one millisecond, the records of an earlier letter come first. */
  readonly letter: string
  readonly select: string
  /** The columns of its order. */
  readonly sortedBy: readonly [at: string, ...ids: string[]]
  /** What to look for, each looked up in an index; none when there can be nothing. */
  readonly find: (filter: AuditFilter) => readonly Where[]
  readonly entryOf: (row: never) => { readonly at: number; readonly ids: readonly string[]; readonly record: AuditRow }
}

type StoredRecord = {
  readonly id: string
  readonly device_id: string | null
  readonly tenant: string | null
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly bundle_id: string | null
  readonly request_id: string | null
  readonly detail: string
}

const records: AuditSource = {
  letter: 'a',
  select: 'SELECT id, device_id, tenant, at, actor, action, bundle_id, request_id, detail FROM offline_audit_logs',
  sortedBy: ['at', 'id'],
  find(filter) {
    const where = new Where()
      .and('device_id = ?', filter.deviceId)
      .and('tenant = ?', filter.tenant)
      .and('actor = ?', filter.actor)
      .and('bundle_id = ?', filter.bundleId)
      .and('at >= ?', filter.from)
      .and('at < ?', filter.to)
      .and('action = ?', filter.action)
    // Word for word the conditions of the partial indexes.
    if (isRare(filter.actor, ['device', 'reconciler'])) where.and("actor NOT IN ('device', 'reconciler')")
    if (isRare(filter.action, ['bundle_admitted', 'bundle_settled'])) {
      where.and("action NOT IN ('bundle_admitted', 'bundle_settled')")
    }
    return [where]
  },
  entryOf({ device_id, bundle_id, request_id, detail, ...row }: StoredRecord) {
    const about = { deviceId: device_id, bundleId: bundle_id, requestId: request_id }
    return { at: row.at, ids: [row.id], record: { ...row, ...about, detail: JSON.parse(detail) as AuditRow['detail'] } }
  },
}

const isRare = (value: string | undefined, usual: readonly string[]) => value !== undefined && !usual.includes(value)

type RecordedBundle = {
  readonly bundle_id: string
  readonly device_id: string
  readonly tenant: string
  readonly seq: number
  readonly admitted_count: number
  readonly received_at: number
  readonly admitted_by: string
  readonly settlements: string
}

/** Of the records that a bundle's row is (bundle-audit.ts), those of one action. They stand where the bundle was received. */
function ofBundles(letter: string, actor: string, action: string, condition?: string): AuditSource {
  return {
    letter,
    select:
      'SELECT bundle_id, device_id, tenant, seq, admitted_count, received_at, admitted_by, settlements FROM offline_tx_bundles',
    sortedBy: ['received_at', 'bundle_id', 'device_id'],
    find(filter) {
      if ((filter.actor ?? actor) !== actor || (filter.action ?? action) !== action) return []
      const { deviceId, tenant, bundleId, from, to } = filter
      const isNarrowed = deviceId !== undefined || tenant !== undefined || bundleId !== undefined
      return (isNarrowed ? [undefined] : COUNTRIES).map((country) => {
        const where = new Where()
          .and('country = ?', country)
          .and('device_id = ?', deviceId)
          .and(bundleId === undefined ? 'tenant = ?' : '+tenant = ?', tenant)
          .and('bundle_id = ?', bundleId)
          .and('received_at >= ?', from)
          .and('received_at < ?', to)
        return condition === undefined ? where : where.and(condition)
      })
    },
    entryOf(row: RecordedBundle) {
      const record = usualRecords({
        ...{ bundleId: row.bundle_id, deviceId: row.device_id, tenant: row.tenant, seq: row.seq },
        ...{ admittedCount: row.admitted_count, receivedAt: row.received_at },
        admittedBy: JSON.parse(row.admitted_by) as PackedAdmission,
        settlements: JSON.parse(row.settlements) as PackedSettlement[],
      }).find((one) => one.action === action)
      if (record === undefined) throw new Error('a row without the record that it was selected for')
      return { at: row.received_at, ids: [row.bundle_id, row.device_id], record }
    },
  }
}

export const AUDIT_SOURCES: readonly AuditSource[] = [
  records,
  ofBundles('b', 'device', 'bundle_admitted'),
  ofBundles('c', 'reconciler', 'bundle_settled', `settlements->>'$[0][0]' <= ${SETTLED_SOON_MS}`),
]

const [LOWEST, HIGHEST] = ['', '\u{10ffff}']

/** Narrows to what comes after a position, which may be one of another source. */
export function after({ letter, sortedBy }: AuditSource, where: Where, order: Order, [at, key]: Position): Where {
  const [its = '', ...ids] = key.split(' ')
  const others = sortedBy.slice(1).map(() => (letter > its ? LOWEST : HIGHEST))
  const bound = letter === its && ids.length === others.length ? ids : others
  const marks = sortedBy.map(() => '?').join(', ')
  return where.and(`(${sortedBy.join(', ')}) ${order === 'asc' ? '>' : '<'} (${marks})`, at, ...bound)
}
