import { OfflineError, type OfflineErrorCode } from './errors.ts'
import type { DamagedRecord } from './store/counter-record.ts'
import { type SyncDue, syncDueAt } from './store/deadline.ts'
import { blockOf } from './store/device-state.ts'
import { isDone } from './store/entry.ts'
import type { LocalDevice } from './store/local-device.ts'
import type { Parked } from './store/outgoing.ts'
import type { SyncReport } from './sync/sync.ts'

/**
 * Whether the device can take payments.
 *
 * - `created`: `initialize()` has not been called
 * - `needs_network`: never in contact with the edge, or the state was lost; `initialize()` or `syncNow()` with a network
 *   goes on
 * - `blocked`: the key is missing or not the enrolled one, the storage does not open with this at-rest key or was written
 *   by a later version of the app, the edge refuses the device or holds another history of it; see `error.next`
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
  /**
   * Payments without a verified receipt; `unknown` before `initialize()`, and where the device's state cannot be read. Only
   * with 0 may this storage be cleared.
   */
  readonly unsynced: number | 'unknown'
  /** Acknowledged payments without a final outcome. */
  readonly waiting: number
  /** Records that a person must look at. */
  readonly damaged: readonly DamagedRecord[]
  /** A bundle that the edge refuses; payments behind it wait. */
  readonly parked?: Parked
  /** Somebody must bring the device to a network: see `getLimits().syncBeforeMs`. */
  readonly syncDue?: SyncDue
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
  const code = device.hasState ? blockOf(device.state) : undefined
  return code && { status: 'blocked', error: new OfflineError(code) }
}

/**
 * The status after another context has written. Faults of a context of its own stay, and so does what it knows of its own
 * network; what the edge said is said to all.
 *
 * @param reached whether there was an answer of the edge since this context last knew of one
 */
export function statusFollowing(own: OfflineStatus, device: LocalDevice, reached: boolean): OfflineStatus {
  const { status } = own
  if (status === 'created' || status === 'destroyed' || (status === 'blocked' && isBlocked(own.error))) return own
  if (!device.hasState) {
    return status === 'blocked' ? own : { status: 'needs_network', error: new OfflineError('not_ready') }
  }
  return blockedByEdge(device) ?? { status: reached || status === 'ready' ? 'ready' : 'offline_ready' }
}

export function snapshot(status: OfflineStatus, device: LocalDevice, syncing: boolean): OfflineState {
  const { entries, damaged } = device.journal
  const parked = device.hasState ? device.outgoing?.parked : undefined
  const syncDue = device.hasState ? syncDueAt(device.clock.nowMs(), entries, device.state) : undefined
  return {
    ...status,
    syncing,
    unsynced: device.unsynced,
    waiting: entries.filter((entry) => entry.admitted !== undefined && !isDone(entry)).length,
    damaged: damaged.filter(({ dismissed }) => !dismissed),
    ...(parked && { parked }),
    ...(syncDue && { syncDue }),
    ...(device.hasState && { lastSyncMs: device.state.clock.serverMs }),
  }
}
