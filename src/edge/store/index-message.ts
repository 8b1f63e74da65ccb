import type { auditLogs, bundles, devices } from './schema.ts'

/** What a Device Object tells the read model: rows of D1 as they should be. Repeats and any order are fine. */
export interface IndexMessage {
  readonly device?: DeviceRow
  readonly bundle?: BundleRow
  readonly audit?: readonly AuditRow[]
}

export type DeviceRow = typeof devices.$inferSelect
export type BundleRow = typeof bundles.$inferSelect
export type AuditRow = typeof auditLogs.$inferSelect

/** What was indexed of one device, as its object names it. */
export interface Indexed {
  /** 0 when this says nothing about the device's facts. */
  readonly deviceRev: number
  readonly bundles: readonly (readonly [seq: number, rev: number])[]
  readonly auditIds: readonly number[]
}
