import type { OfflineError } from './errors.ts'
import type { OfflinePayment } from './payment-view.ts'
import type { OfflineState } from './sdk-state.ts'
import type { SyncReport } from './sync/sync.ts'
import type { SyncProgress } from './sync/sync-deps.ts'

export interface OfflineEvents {
  /** Anything of `sdk.state` changed. */
  state: OfflineState
  /** A payment was taken, voided, acknowledged, or got its outcome; here or in another context on the same storage. */
  payment: OfflinePayment
  /** A sync ended. */
  sync: SyncReport
  /** The queue empties: when a sync begins to send, and after each bundle that is acknowledged. */
  progress: SyncProgress
  /** What keeps the queue from emptying, once a sync, also of one that rejects. No payment is at fault; those that wait are safe on the device. */
  queue_error: OfflineError
}

/** Calls listeners by event name. One that throws does not keep the others, or the payment, from going on. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>()

  /** @returns a function that removes the listener */
  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      // What it throws, now or later, is the app's own fault in the app's own code: there is nowhere to report it to.
      void (async () => (listener as (value: Events[Name]) => unknown)(value))().catch(() => undefined)
    }
  }
}
