import { equalBytes } from '../../../protocol/bytes.ts'
import { PAYMENTS_PER_BUNDLE_MAX } from '../../../protocol/limits.ts'
import type { DeviceFacts } from '../../../protocol/notice.ts'
import type { Outgoing } from './outgoing.ts'

/** Numbers that a device gives to nothing, because one that it has forgotten may be under way with them. */
export interface LeftOut {
  readonly seqs: number
  readonly counters: number
}

const NOTHING: LeftOut = { seqs: 0, counters: 0 }

/**
 * A device that lost its state may have given a bundle to a carrier, which the edge has not seen: its place in the chain and
 * its counters must not be given out again. How much is left out is drawn, so that a device which loses its state twice
 * from the same head does not come to the same numbers; in steps, so that two such places are never beside each other.
 */
const STEP_SEQS = 4
const STEPS_MAX = 32

/** @param lastSealed the newest bundle that the storage still knows; undefined when none can be read */
export function leaveOut(
  facts: Pick<DeviceFacts, 'nextCounter' | 'nextSeq' | 'prev'>,
  lastSealed: Outgoing | undefined,
  isNew: boolean,
  randomBytes: (length: number) => Uint8Array,
): LeftOut {
  if (isNew && facts.nextSeq === 1 && facts.nextCounter === 1) return NOTHING
  if (lastSealed && !isUnknown(facts, lastSealed)) return NOTHING
  const seqs = STEP_SEQS * (1 + ((randomBytes(1)[0] ?? 0) % STEPS_MAX))
  return { seqs, counters: seqs * PAYMENTS_PER_BUNDLE_MAX }
}

/** Whether this cannot be the last bundle that was sealed: the edge is ahead of it. */
function isUnknown({ nextSeq, prev }: Pick<DeviceFacts, 'nextSeq' | 'prev'>, { seq, prev: own }: Outgoing): boolean {
  return seq < nextSeq - 1 || (seq === nextSeq && !equalBytes(prev, own))
}
