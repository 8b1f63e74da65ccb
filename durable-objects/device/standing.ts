import type { DeviceStatus } from '../../src/protocol/messages.ts'

/** How many payments ended with their device, by whom they waited for. */
export interface EndedCount {
  /** For people who review. */
  readonly reviews: number
  /** For their payers. */
  readonly claims: number
}

/** What came of a change of a device's standing. */
export interface Standing {
  /** That is in force afterwards. */
  readonly status: DeviceStatus
  /** Of the act that revoked it. */
  readonly ended?: EndedCount
}
