import type { Subject } from '../../reconciler/tell/outbox.ts'

/** What the edge has to be told, as `offline_outbox` keeps it: a pointer, with the version of it that was delivered. */
export interface OutboxRow extends Subject {
  readonly id: number
  version: number
  deliveredVersion: number
  attempts: number
  nextAttemptAtMs: number
}

export interface OutboxState {
  /** By device and subject. */
  readonly rows: Map<string, OutboxRow>
  /** Those of which the edge has not been told the newest. */
  readonly untold: Set<OutboxRow>
}
