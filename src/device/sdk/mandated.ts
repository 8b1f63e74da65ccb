import type { SyncDeps } from './sync/sync-deps.ts'
import { type TakenByOthers, takenByOthers } from './taken-by-others.ts'

/** A payment that the mandate of this device's wallet paid without asking its holder. */
export interface MandatedPayment extends TakenByOthers {
  /** When the money moved, UTC milliseconds. */
  readonly postedAtMs: number
}

/** By the last verified notice, the newest first. */
export function mandatedPayments({ device }: Pick<SyncDeps, 'device'>): readonly MandatedPayment[] {
  return device.hasState ? (device.state.mandated ?? []).map(takenByOthers) : []
}
