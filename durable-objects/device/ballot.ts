import type { ReviewChoice, ReviewEnd } from '../../src/protocol/messages.ts'

/** What a person wants done about payments of one bundle that wait. */
export interface Ballot {
  readonly bundleId: Uint8Array
  readonly choice: ReviewChoice
  /** Counters, or all that wait in the bundle as it is at this rev. */
  readonly payments: readonly number[] | { readonly allAtRev: number }
  readonly reason: string
  /** Minor units; above it two people must agree. */
  readonly twoPeopleAbove: number
}

/** What became of a vote about one payment. */
export interface VoteResult {
  readonly counter: number
  readonly choice: ReviewChoice
  /** Who has voted so, this person included. */
  readonly agreed: readonly string[]
  readonly needed: number
  readonly decided: boolean
}

/** What people concluded, or what ended their waiting without them, as the reconciler is told it. */
export interface Resolution {
  readonly rev: number
  readonly kind: 'review' | 'reversal'
  readonly bundleId: Uint8Array
  readonly seq: number
  readonly choices: readonly { readonly counter: number; readonly choice: ReviewEnd }[]
  readonly reason: string
  readonly atMs: number
  readonly actors: readonly string[]
}
