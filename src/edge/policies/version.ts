import type { Policy } from '../../protocol/policy.ts'

/** A policy with what devices are not told of it. */
export interface PolicyVersion {
  readonly policy: Policy
  /** Minor units; above it two people must agree on a review or a reversal. */
  readonly reviewTwoPeopleAbove: number
  readonly effectiveAtMs: number
  readonly createdAtMs: number
  readonly createdBy: string
}

/** @param versions the newest first. A version never comes into force when a newer one does no later. */
export const stillToCome = (versions: readonly PolicyVersion[], nowMs: number): readonly PolicyVersion[] =>
  versions.filter(
    ({ effectiveAtMs }, index) =>
      effectiveAtMs > nowMs && versions.slice(0, index).every((newer) => newer.effectiveAtMs > effectiveAtMs),
  )
