/** One payment that a person is about to vote about. */
export interface IntendedVote {
  readonly kind: 'review' | 'reversal'
  readonly counter: number
  /** Minor units. */
  readonly amount: number
  /** Today's name of the wallet that is debited (src/crypto/day-names.ts). */
  readonly wallet: string
}

/** What a Device Object asks before it counts a person's votes. */
export interface Reservation {
  readonly deviceId: string
  readonly currency: string
  readonly votes: readonly IntendedVote[]
  /** Minor units: what one person may decide about in a day, alone. */
  readonly dailyValue: number
}

/** What a person has voted about today, these votes included. */
export interface Reserved {
  /** Milliseconds: the votes are of this moment, and of its day, wherever they are counted. */
  readonly atMs: number
  /** Counters that the day's sum lets the person decide alone. */
  readonly alone: readonly number[]
  /** Of the day: minor units, and how many wallets the votes are about. */
  readonly sums: { readonly value: number; readonly wallets: number }
}
