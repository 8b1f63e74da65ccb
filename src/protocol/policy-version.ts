import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { PERSON_CHARS_MAX } from './limits.ts'
import { type Policy, policyFromCbor, policyToCbor } from './policy.ts'
import { map, text, uint } from './shape.ts'

/** A policy with what stands beside it: what the edge signs when people put it in force (crypto/policy-version.ts). */
export interface PolicyVersion {
  readonly policy: Policy
  /** Minor units; above it two people must agree on a review or a reversal. The edge's own: devices are not told. */
  readonly reviewTwoPeopleAbove: number
  readonly effectiveAtMs: number
  /** People, as the audit names them. They differ, but for a version that switches its country off. */
  readonly proposedBy: string
  readonly confirmedBy: string
  readonly confirmedAtMs: number
}

/** A version of all fields at their longest takes about 500. */
const VERSION_BYTES_MAX = 1024

export function encodePolicyVersion(version: PolicyVersion): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [1, policyToCbor(version.policy)],
      [2, version.reviewTwoPeopleAbove],
      [3, version.effectiveAtMs],
      [4, version.proposedBy],
      [5, version.confirmedBy],
      [6, version.confirmedAtMs],
    ]),
  )
}

/** @throws MalformedCbor, also when one person alone put it in force and it does not switch its country off */
export function decodePolicyVersion(encoded: Uint8Array): PolicyVersion {
  const fields = map(decodeCbor(encoded, VERSION_BYTES_MAX), 'policy_version', [1, 2, 3, 4, 5, 6])
  const version = {
    policy: policyFromCbor(fields.get(1)),
    reviewTwoPeopleAbove: uint(fields.get(2), 'review_two_people_above'),
    effectiveAtMs: uint(fields.get(3), 'effective_at'),
    proposedBy: text(fields.get(4), 'proposed_by', PERSON_CHARS_MAX),
    confirmedBy: text(fields.get(5), 'confirmed_by', PERSON_CHARS_MAX),
    confirmedAtMs: uint(fields.get(6), 'confirmed_at'),
  }
  if (version.policy.enabled && version.proposedBy === version.confirmedBy) throw new MalformedCbor('confirmed_by')
  return version
}

/** The version that holds at a time: the highest that is in force by then. @param versions the newest first */
export const inForceAt = <V extends PolicyVersion>(versions: readonly V[], atMs: number): V | undefined =>
  versions.find(({ effectiveAtMs }) => effectiveAtMs <= atMs)
