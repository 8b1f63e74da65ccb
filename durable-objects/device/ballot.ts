import type { ReversalReason, ReviewChoice, ReviewEnd } from '../../src/protocol/messages.ts'

/** What a person wants done about payments of one bundle that wait. */
export interface Ballot {
  readonly bundleId: Uint8Array
  readonly choice: ReviewChoice
  /** Counters, or all that wait in the bundle as it is at this rev. */
  readonly payments: readonly number[] | { readonly allAtRev: number }
  readonly reason: string
  readonly limits: VoteLimits
}

/** How much one person decides alone, by the policy that is in force. Minor units. */
export interface VoteLimits {
  /** About one payment; above it two people must agree. */
  readonly twoPeopleAbove: number
  /** In a day; above it two people must agree, whatever the single amounts. */
  readonly dailyValue: number
}

/** What a person wants undone. */
export interface ReversalBallot {
  readonly counter: number
  readonly reason: ReversalReason
  /** What the person wrote beside it; for people, not for the book. */
  readonly note?: string
  readonly limits: VoteLimits
}

/** What became of a vote about one payment. */
export interface VoteResult {
  readonly counter: number
  readonly choice: ReviewChoice
  /** Who has voted so, this person included. */
  readonly agreed: readonly string[]
  readonly needed: number
  /** Why two are needed. */
  readonly neededFor?: 'amount' | 'day'
  readonly decided: boolean
}

/** What people concluded, or what ended their waiting without them, as the reconciler is told it. */
export interface Resolution {
  readonly rev: number
  readonly kind: 'review' | 'reversal'
  readonly bundleId: Uint8Array
  readonly seq: number
  readonly choices: readonly { readonly counter: number; readonly choice: ReviewEnd }[]
  /** Of a reversal one of `REVERSAL_REASONS`, of a review what the person wrote. */
  readonly reason: string
  readonly atMs: number
  readonly actors: readonly string[]
}
