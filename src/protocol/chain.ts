import { equalBytes } from './bytes.ts'
import type { Range } from './counters.ts'
import { PREV_BYTES } from './limits.ts'

/** The chain of a device's bundles (docs/protocol.md §7.1): each names half the digest of the one before it. */
export interface ChainLink {
  readonly seq: number
  readonly prev: Uint8Array
  readonly digest: Uint8Array
}

export const GENESIS_PREV = new Uint8Array(PREV_BYTES)

/** What the next bundle after this one must carry as `prev`. */
export const prevOf = (digest: Uint8Array): Uint8Array => digest.slice(0, PREV_BYTES)

export type ChainStep =
  /**
   * Continues the chain, ahead of the head or filling a hole behind it. `holes` are seqs that are now missing; `leftOut`
   * those that its device left out when it went on without its state.
   */
  | { readonly kind: 'continues'; readonly holes: number; readonly leftOut?: Range }
  /**
   * Two different bundles claim one place: the device, or a clone of it, told two stories. `against` is the admitted bundle
   * that it contradicts; undefined when it contradicts the beginning of the chain.
   */
  | { readonly kind: 'fork'; readonly against: ChainLink | undefined }

/** The links that a step is held against: those beside it and whatever stands in its place. */
export interface Neighbours {
  /** Highest seq admitted; 0 for a new device. */
  readonly head: number
  readonly before: ChainLink | undefined
  readonly same: ChainLink | undefined
  readonly after: ChainLink | undefined
  /** The admitted bundle whose device left this place out, and the seq that it names. */
  readonly over?: (ChainLink & { readonly named: number }) | undefined
  /** What its `prev` names, where that is not the bundle before it; only looked for where that one is not here. */
  readonly named?: Named | undefined
}

export interface Named {
  /** 0 for the beginning of the chain. */
  readonly seq: number
  /** An admitted bundle between that one and this which names neither it nor, with places left out, an earlier one. */
  readonly between: ChainLink | undefined
}

/**
 * Decides whether a bundle continues the chain. Idempotency was decided before: a link in the same place here is
 * another bundle.
 *
 * A device that lost its state cannot know whether its last bundle is still under way. It leaves places out and names the
 * edge's head as `prev`. What comes into places that were left out was under way then and names that head too, or an
 * earlier one where the device had lost its state before, because it has one bundle under way at a time. Anything else is
 * the story of somebody who still has the state.
 */
export function chainStep(link: ChainLink, { head, before, same, after, over, named }: Neighbours): ChainStep {
  if (same !== undefined) return { kind: 'fork', against: same }
  const expected = link.seq === 1 ? GENESIS_PREV : before === undefined ? undefined : prevOf(before.digest)
  if (expected !== undefined && !equalBytes(link.prev, expected)) return { kind: 'fork', against: before }
  if (after !== undefined && !equalBytes(after.prev, prevOf(link.digest))) return { kind: 'fork', against: after }
  if (over !== undefined && !equalBytes(over.prev, link.prev) && !(named && named.seq < over.named)) {
    return { kind: 'fork', against: over }
  }
  if (expected !== undefined || named === undefined) {
    return { kind: 'continues', holes: Math.max(0, link.seq - head - 1) }
  }
  if (named.between !== undefined) return { kind: 'fork', against: named.between }
  return { kind: 'continues', holes: 0, leftOut: [named.seq + 1, link.seq - 1] }
}
