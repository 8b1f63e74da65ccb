import type { DamagedRecord } from './counter-record.ts'
import { isDone } from './entry.ts'
import { OfflineError, type OfflineErrorCode } from './errors.ts'
import type { LocalDevice } from './local-device.ts'
import type { Parked } from './outgoing.ts'
import type { SyncReport } from './sync.ts'

/**
 * Whether the device can take payments.
 *
 * - `created`: `initialize()` has not been called
 * - `needs_network`: never in contact with the edge, or the state was lost; `initialize()` or `syncNow()` with a network
 *   goes on
 * - `blocked`: the key is missing or not the enrolled one, the storage does not open with this at-rest key or was written
 *   by a later version of the app, or the edge refuses the device; see `error.next`
 * - `offline_ready`: takes payments; the last attempt to reach the edge failed, there was none yet, or the platform says
 *   that there is no network
 * - `ready`: takes payments, and the last sync reached the edge
 * - `destroyed`: `destroy()` was called
 */
export type OfflineStatus =
  | { readonly status: 'created' | 'offline_ready' | 'ready' | 'destroyed' }
  | { readonly status: 'needs_network' | 'blocked'; readonly error: OfflineError }

export type OfflineState = OfflineStatus & {
  readonly syncing: boolean
  /** Payments without a verified receipt. While there are any, this storage must not be cleared. */
  readonly unsynced: number
  /** Acknowledged payments without a final outcome. */
  readonly waiting: number
  /** Records that a person must look at. */
  readonly damaged: readonly DamagedRecord[]
  /** A bundle that the edge refuses; payments behind it wait. */
  readonly parked?: Parked
  /** The edge's time of the last verified answer, UTC milliseconds. */
  readonly lastSyncMs?: number
}

/** The status after a sync. */
export function statusAfter({ status, error }: SyncReport, device: LocalDevice): OfflineStatus {
  const { hasState } = device
  if (error && (BLOCKING.has(error.code) || (!hasState && status === 'stopped'))) return { status: 'blocked', error }
  if (error && !hasState) return { status: 'needs_network', error }
  return blockedByEdge(device) ?? { status: status === 'retry_later' ? 'offline_ready' : 'ready' }
}

/** Faults of the device itself: until they are put right, what it took could never be sent, or not be read again. */
const BLOCKING: ReadonlySet<OfflineErrorCode> = new Set(['key_missing', 'key_mismatch', 'store_locked', 'store_newer'])

export const isBlocked = (error: unknown): error is OfflineError =>
  error instanceof OfflineError && BLOCKING.has(error.code)

export function blockedByEdge(device: LocalDevice): OfflineStatus | undefined {
  const blocked = device.hasState ? device.state.blocked : undefined
  return blocked && { status: 'blocked', error: new OfflineError(blocked.code) }
}

export function snapshot(status: OfflineStatus, device: LocalDevice, syncing: boolean): OfflineState {
  const { entries, unsynced, damaged } = device.journal
  const parked = device.hasState ? device.outgoing?.parked : undefined
  return {
    ...status,
    syncing,
    unsynced,
    waiting: entries.filter((entry) => entry.admitted !== undefined && !isDone(entry)).length,
    damaged,
    ...(parked && { parked }),
    ...(device.hasState && { lastSyncMs: device.state.clock.serverMs }),
  }
}
