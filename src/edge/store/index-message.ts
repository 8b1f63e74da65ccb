import type { auditLogs, bundles, devices } from './schema.ts'

/** What a Device Object tells the read model: rows of D1 as they should be. Repeats and any order are fine. */
export interface IndexMessage {
  readonly device?: DeviceRow
  readonly bundle?: BundleRow
  readonly audit?: readonly AuditRow[]
}

export type DeviceRow = Omit<typeof devices.$inferSelect, 'rebuiltAt'>
export type BundleRow = typeof bundles.$inferSelect
export type AuditRow = typeof auditLogs.$inferSelect

/** Places of one device's rows: seqs of bundles, and numbers of audit records. */
export interface ShownFrom {
  readonly seq: number
  readonly auditId: number
}

/** What the read model shows of an object, from a place on. */
export interface ShownPart {
  readonly device: DeviceRow
  readonly bundles: readonly BundleRow[]
  /** Those of the object itself, and those of the bundles here that stand beside their rows. */
  readonly audit: readonly AuditRow[]
  /** The last record of the object itself up to here. */
  readonly auditId: number
  /** Where the next part begins; null when this is the last one. */
  readonly next: ShownFrom | null
}

/** What was made again of one device: all of `(from, to]`. */
export interface RebuiltPlaces {
  readonly from: ShownFrom
  readonly to: ShownFrom
  readonly deviceRev: number
  readonly bundles: readonly (readonly [seq: number, rev: number])[]
  /** The last audit record in it. */
  readonly auditId: number
}

/** What was indexed of one device, as its object names it. */
export interface Indexed {
  /** 0 when this says nothing about the device's facts. */
  readonly deviceRev: number
  readonly bundles: readonly (readonly [seq: number, rev: number])[]
  readonly auditIds: readonly number[]
}
