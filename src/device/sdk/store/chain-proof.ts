import { equalBytes } from '../../../protocol/bytes.ts'
import { prevOf } from '../../../protocol/chain.ts'
import type { DeviceFacts } from '../../../protocol/notice.ts'
import type { Outgoing } from './outgoing.ts'

/** The head of the device's chain: the last bundle whose admission is known, and what the next one carries as `prev`. */
export interface ChainHead {
  readonly seq: number
  readonly prev: Uint8Array
  /** Seqs up to `to` in which the edge's head may lie as well: they were left out for what might be under way. */
  readonly leftOut?: { readonly to: number; readonly seqs: number }
}

export type ChainStanding =
  /** The edge has not admitted the bundle in flight: it goes on being sent. */
  | { readonly kind: 'not_admitted'; readonly head: ChainHead }
  /** The edge has admitted it: its head names one of the digests that were sent. */
  | { readonly kind: 'admitted'; readonly head: ChainHead }
  /** The edge has a history that is not ours: a copy of this device, or a store that was set back. */
  | { readonly kind: 'conflict' }

/**
 * Holds the edge's signed view of the chain against ours. It is asked for where no receipt can be had: sealed again
 * after an answer was lost, signed by a receipt key that is gone, or a record of the bundle in flight that is damaged.
 * The facts name half of a SHA-256 at a place in the chain, so they prove the admission of those bytes as a receipt does.
 *
 * @param outgoing the bundle in flight; `lost` when there may be one whose record cannot be read
 */
export function chainStanding(
  facts: Pick<DeviceFacts, 'nextSeq' | 'prev'>,
  known: ChainHead,
  outgoing: Outgoing | 'lost' | undefined,
): ChainStanding {
  const head = { seq: facts.nextSeq - 1, prev: facts.prev }
  // What was under way when the state was lost may have come since, and is no other history.
  if (isLeftOut(head.seq, known) && (typeof outgoing !== 'object' || outgoing.seq === known.seq + 1)) {
    return { kind: 'not_admitted', head: known }
  }
  if (typeof outgoing === 'object') {
    if (head.seq === outgoing.seq - 1 && equalBytes(head.prev, outgoing.prev)) return { kind: 'not_admitted', head }
    const ours = outgoing.digests.some((digest) => equalBytes(prevOf(digest), head.prev))
    return head.seq === outgoing.seq && ours ? { kind: 'admitted', head } : { kind: 'conflict' }
  }
  if (head.seq === known.seq && equalBytes(head.prev, known.prev)) return { kind: 'not_admitted', head }
  // Only where the record of a bundle is lost can the next place be that bundle's: a copy of this device would come there too.
  return outgoing === 'lost' && head.seq === known.seq + 1 ? { kind: 'admitted', head } : { kind: 'conflict' }
}

const isLeftOut = (seq: number, { seq: last, leftOut }: ChainHead): boolean =>
  leftOut !== undefined && leftOut.to === last && last - leftOut.seqs <= seq && seq <= last
