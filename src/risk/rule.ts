import type { Payment } from '../protocol/payment.ts'
import type { Policy } from '../protocol/policy.ts'
import type { DeviceHistory, SeenPayment } from './history.ts'
import type { RuleName } from './weights.ts'

/** What the local risk rules are told: one bundle, and what its device did before. */
export interface LocalInput {
  /** Those that were not seen before, in the order of their counters. */
  readonly payments: readonly Payment[]
  readonly policy: Policy
  readonly ownerWallet: string
  readonly signedAtMs: number
  /** What the device counted when it sealed (payload.ts). */
  readonly countedMs: number | undefined
  readonly history: DeviceHistory
  /** Seqs of the chain that this bundle leaves out. */
  readonly holes: number
  /** All that are missing before it, also since earlier bundles. */
  readonly missingBefore: number
  /** Contradictions of late (reputation.ts). */
  readonly recentConflicts: number
  readonly deviceAgeMs: number
  /** 0–1, 0.5 for a device nobody knows. */
  readonly reputation: number
}

/** The input as the rules take it. */
export interface Scene extends LocalInput {
  /** The payments of the bundle and those before it, in order of time. */
  readonly seen: readonly SeenPayment[]
  readonly skewMs: number
}

/** What a rule says. Strengths are 0–1. */
export interface Finding {
  readonly rule: RuleName
  readonly detail: string
  /** About the whole bundle, */
  readonly strength?: number
  /** or about payments of it, by counter. */
  readonly about?: ReadonlyMap<number, number>
}

export type Rule = (scene: Scene) => Finding | undefined
