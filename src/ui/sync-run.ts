import type { OfflineError, SyncProgress, SyncReport } from '../device/sdk/index.ts'

/**
 * How the sync under way goes, or how the last one went since the components were shown.
 *
 * - `done`: all that waited is acknowledged. That is not "paid": see each payment's status
 * - `retry_later`, `stopped`: what is left is safe on the device; `report.error` says more
 * - `failed`: the sync could not be run at all
 */
export type SyncRun =
  | { readonly status: 'idle' }
  | { readonly status: 'syncing'; readonly progress?: SyncProgress }
  | { readonly status: SyncReport['status']; readonly report: SyncReport }
  | { readonly status: 'failed'; readonly error: OfflineError }
