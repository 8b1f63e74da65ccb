import { equalBytes } from './bytes.ts'
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
  /** Continues the chain, ahead of the head or filling a hole behind it. `holes` are seqs that are now missing. */
  | { readonly kind: 'continues'; readonly holes: number }
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
}

/**
 * Decides whether a bundle continues the chain. Idempotency was decided before: a link in the same place here is
 * another bundle.
 */
export function chainStep(link: ChainLink, { head, before, same, after }: Neighbours): ChainStep {
  if (same !== undefined) return { kind: 'fork', against: same }
  const expected = link.seq === 1 ? GENESIS_PREV : before === undefined ? undefined : prevOf(before.digest)
  if (expected !== undefined && !equalBytes(link.prev, expected)) return { kind: 'fork', against: before }
  if (after !== undefined && !equalBytes(after.prev, prevOf(link.digest))) return { kind: 'fork', against: after }
  return { kind: 'continues', holes: Math.max(0, link.seq - head - 1) }
}
