import type { LocalDevice } from '../store/local-device.ts'

/** What `destroy()` leaves behind. */
export interface DestroyReport {
  /** Payments that only this storage knows; `unknown` where the device's state cannot be read. */
  readonly unsynced: number | 'unknown'
  /** Set unless there are certainly none: clearing the storage now would lose them. */
  readonly warning?: 'unsynced_payments'
}

export const leftBehind = ({ unsynced }: LocalDevice): DestroyReport =>
  unsynced === 0 ? { unsynced } : { unsynced, warning: 'unsynced_payments' }
