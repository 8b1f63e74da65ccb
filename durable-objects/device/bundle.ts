import type { ReviewEnd } from '../../src/protocol/messages.ts'
import type { PaymentState } from '../../src/protocol/payment-states.ts'
import type { BundleStatus } from '../../src/protocol/states.ts'
import type { RiskBasis } from '../../src/risk/judge.ts'
import type { Resolution } from './ballot.ts'

/**
 * What is counted of a vote about a payment; what ended its waiting without a vote stands here too. When and why is in the
 * audit record, once a ballot.
 */
export type StoredVote = readonly [kind: Resolution['kind'], counter: number, choice: ReviewEnd, actor: string]

/** By what a bundle came: of its audit record, all that the row does not say already. */
export interface AdmittedBy {
  readonly requestId: string
  readonly detail: Readonly<Record<string, string | number>>
}

/** What one confirmation changed about a bundle: the audit record of it. Settlements are added, and never changed. */
export interface Settlement {
  readonly atMs: number
  readonly requestId: string | null
  readonly status: BundleStatus
  /** How many payments got another status. */
  readonly payments: number
}

/** A bundle's row. */
export interface StoredBundle {
  readonly seq: number
  readonly bundleId: Uint8Array
  readonly nonce: Uint8Array
  readonly digest: Uint8Array
  readonly prev: Uint8Array
  /** Empty once its bytes are in the bucket (bytes/originals.ts). */
  readonly bundle: Uint8Array
  readonly receipt: Uint8Array
  readonly receivedAtMs: number
  /**
   * Payments in later bundles may not be dated before it: the latest date so far. The time of the push itself says nothing:
   * a bundle that was sealed while there was no network keeps its bytes, and what was taken while it waited follows in
   * the next one of the same sync, as the rest of a backlog does.
   */
  readonly timeFloorMs: number
  readonly currency: string
  readonly firstCounter: number
  readonly lastCounter: number
  readonly admittedCount: number
  readonly admittedAmount: number
  readonly policyVersion: number
  readonly riskScore: number
  readonly riskReasons: RiskBasis
  readonly payments: readonly PaymentState[]
  readonly status: BundleStatus
  /** The reconciler holds it durably. */
  readonly recorded: boolean
  /** Version of the outcomes that were applied. */
  readonly settledRev: number
  readonly rev: number
  /** What the read model holds, or whoever was handed the row is bringing there. */
  readonly indexedRev: number
  readonly updatedAtMs: number
  readonly votes: readonly StoredVote[]
  readonly admittedBy: AdmittedBy
  readonly settlements: readonly Settlement[]
}
