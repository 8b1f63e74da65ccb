import type { OfflineErrorCode, OfflineState } from '../sdk/index.ts'

/** The device could not read all of its records: what it counts may be too little. */
const UNREADABLE: ReadonlySet<OfflineErrorCode> = new Set([
  'store_locked',
  'store_newer',
  'key_missing',
  'key_mismatch',
])

/**
 * How many payments only this device knows.
 *
 * @returns `unknown` before its records were read, and where they cannot be: there may be some
 */
export function unsyncedOf(state: OfflineState): number | 'unknown' {
  // Without the device's own state, payments on disk are not counted.
  const isRead = state.lastSyncMs !== undefined && !('error' in state && UNREADABLE.has(state.error.code))
  return isRead || state.unsynced > 0 ? state.unsynced : 'unknown'
}
