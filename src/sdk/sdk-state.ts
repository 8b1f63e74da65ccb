import { isDone, statusOf } from './entry.ts'
import type { OfflineError } from './errors.ts'
import type { DamagedRecord } from './journal.ts'
import type { LocalDevice } from './local-device.ts'
import type { Parked } from './outgoing.ts'

/**
 * Whether the device can take payments.
 *
 * - `created`: `initialize()` has not been called
 * - `needs_network`: never in contact with the edge, or the state was lost; `initialize()` or `syncNow()` with a network
 *   goes on
 * - `blocked`: the key is missing or not the enrolled one, or the edge refuses the device; see `error.next`
 * - `offline_ready`: takes payments; the last attempt to reach the edge failed, or there was none yet
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

export function snapshot(status: OfflineStatus, device: LocalDevice, syncing: boolean): OfflineState {
  const { entries, unsynced, damaged } = device.journal
  const parked = device.hasState ? device.outgoing?.parked : undefined
  return {
    ...status,
    syncing,
    unsynced,
    waiting: entries.filter((entry) => statusOf(entry) !== 'pending_offline' && !isDone(entry)).length,
    damaged,
    ...(parked && { parked }),
    ...(device.hasState && { lastSyncMs: device.state.clock.serverMs }),
  }
}
