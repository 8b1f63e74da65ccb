import { REVERSAL_DAYS_MAX } from '../../../src/protocol/limits.ts'
import type { ReviewChoice } from '../../../src/protocol/messages.ts'
import type { PaymentState } from '../../../src/protocol/payment-states.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { bundleStatus, type PaymentStatus, waitsForPeople } from '../../../src/protocol/states.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import type { Resolution, VoteLimits, VoteResult } from '../ballot.ts'
import type { StoredBundle, StoredVote } from '../bundle.ts'

/**
 * What people decide about payments: whether one that waits goes on, and whether one that succeeded is undone. One
 * person decides up to an amount and up to a sum a day; above either, or when the amount cannot be known, two different people must say the same.
 * Whoever has voted about a payment has voted. Pure: it writes nothing, and decides for all payments asked or for none.
 */
export interface Vote {
  readonly kind: 'review' | 'reversal'
  readonly choice: ReviewChoice
  readonly counters: readonly number[]
  readonly actor: string
  readonly reason: string
  readonly note?: string
  readonly atMs: number
  /** Amounts by counter; undefined when the bundle cannot be opened any more. */
  readonly amounts: ReadonlyMap<number, number> | undefined
  readonly limits: VoteLimits
  /** Counters that this person may decide alone, as far as the sum of the day goes. */
  readonly alone: ReadonlySet<number>
  /** Counters whose reversal is decided already. */
  readonly undone: ReadonlySet<number>
}

export interface Counted {
  readonly bundle: StoredBundle
  readonly results: readonly VoteResult[]
  /** One for each set of people who agreed; without a number yet. */
  readonly resolutions: readonly Omit<Resolution, 'rev'>[]
}

export function countVotes(
  bundle: StoredBundle,
  vote: Vote,
): Result<Counted, 'state_conflict' | 'already_voted' | 'too_late_to_reverse'> {
  const states = new Map(bundle.payments.map((state) => [state[0], state[1]]))
  const open = (counter: number) => isOpen(vote, counter, states.get(counter))
  if (vote.counters.length === 0 || !vote.counters.every(open)) return err('state_conflict')
  if (vote.kind === 'reversal' && vote.atMs - bundle.receivedAtMs > REVERSAL_DAYS_MAX * DAY_MS) {
    return err('too_late_to_reverse')
  }
  const before = bundle.votes.filter(([kind, counter]) => kind === vote.kind && vote.counters.includes(counter))
  if (before.some(([, , , actor]) => actor === vote.actor)) return err('already_voted')

  const results = vote.counters.map((counter): VoteResult => {
    const agreeing = before.filter(([, about, choice]) => about === counter && choice === vote.choice)
    const agreed = [...agreeing.map(([, , , actor]) => actor), vote.actor]
    const neededFor = twoFor(vote, counter)
    const needed = neededFor === undefined ? 1 : 2
    return {
      counter,
      choice: vote.choice,
      agreed,
      needed,
      ...(neededFor && { neededFor }),
      decided: agreed.length >= needed,
    }
  })
  const cast = vote.counters.map((counter): StoredVote => [vote.kind, counter, vote.choice, vote.actor])
  const decided = results.filter((result) => result.decided)
  const payments =
    vote.kind === 'reversal'
      ? bundle.payments
      : bundle.payments.map((state): PaymentState => {
          if (!decided.some(({ counter }) => counter === state[0])) return state
          // On its way again: what comes of it the reconciler says.
          return vote.choice === 'approve' ? [state[0], 'pending'] : [state[0], 'pending', 'reviewer_rejected']
        })
  return ok({
    results,
    resolutions: [...Map.groupBy(decided, ({ agreed }) => agreed.slice(0, 2).join('\n')).values()].map((same) => ({
      kind: vote.kind,
      bundleId: bundle.bundleId,
      seq: bundle.seq,
      choices: same.map(({ counter, choice }) => ({ counter, choice })),
      reason: vote.reason,
      atMs: vote.atMs,
      actors: same[0]?.agreed.slice(0, 2) ?? [],
    })),
    bundle: {
      ...bundle,
      payments,
      votes: [...bundle.votes, ...cast],
      status: bundleStatus(payments.map(([, status]) => status)),
      rev: bundle.rev + 1,
      updatedAtMs: vote.atMs,
    },
  })
}

/** Why a payment takes two people, if it does. */
function twoFor({ amounts, limits, alone }: Vote, counter: number): VoteResult['neededFor'] {
  if ((amounts?.get(counter) ?? Number.POSITIVE_INFINITY) > limits.twoPeopleAbove) return 'amount'
  return alone.has(counter) ? undefined : 'day'
}

/** Whether a vote of this kind can still change what becomes of a payment. */
function isOpen({ kind, undone }: Vote, counter: number, status: PaymentStatus | undefined): boolean {
  if (kind === 'review') return status !== undefined && waitsForPeople(status)
  return status === 'succeeded' && !undone.has(counter)
}

/** Payments about whose fate people have decided, or that waited too long: nothing makes them wait for people again. */
export function isResolved({ votes }: StoredBundle, counter: number, status: PaymentStatus): boolean {
  return status === 'pending' && votes.some(([kind, about]) => kind === 'review' && about === counter)
}

/** Ended with its device: what the reconciler said before it had heard of that lets nothing wait again, not for its payer either. */
export function isRevoked({ votes }: StoredBundle, counter: number, status: PaymentStatus): boolean {
  return status === 'pending' && votes.some(([, about, choice]) => about === counter && choice === 'revoke')
}

export const waiting = ({ payments }: Pick<StoredBundle, 'payments'>): readonly number[] =>
  payments.flatMap(([counter, status]) => (waitsForPeople(status) ? [counter] : []))
