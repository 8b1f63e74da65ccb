import { parseSign1 } from '../../../src/protocol/cose.ts'
import type { PaymentState } from '../../../src/protocol/payment-states.ts'
import { decodeReceipt } from '../../../src/protocol/receipt.ts'
import { bundleStatus, type PaymentStatus, type Reason, waitsForPeople } from '../../../src/protocol/states.ts'
import { HOUR_MS } from '../../../src/protocol/time.ts'
import type { Resolution } from '../ballot.ts'
import type { StoredBundle, StoredVote } from '../bundle.ts'
import { waiting } from './voting.ts'

/**
 * How waiting ends without a vote: nobody decided in time, or the device was revoked. The payments fail, whatever was voted
 * about them and whatever they amount to: to end a payment takes nobody's money. Pure: it writes nothing.
 *
 * A revocation also ends what waits for its payer. Whether the payer's answer came before it, the book says, which has both.
 *
 * The clock is the object's, which also counts the votes: a vote and the end of its time are one after the other here,
 * and nowhere else is it asked which of the two came first.
 */
export type WaitingEnd = 'expire' | 'revoke'

/** How long payments wait for people: their money is held meanwhile, and whoever paid does not know what he has paid. */
export const WAIT_MAX_MS = 72 * HOUR_MS

const REASONS: Record<WaitingEnd, Reason> = { expire: 'review_expired', revoke: 'device_revoked' }

type Waiting = Pick<StoredBundle, 'payments' | 'settlements' | 'receipt' | 'receivedAtMs'>

/** When the first of a bundle's payments that wait has waited too long; null when none waits. */
export function expiresAtMs(bundle: Waiting): number | null {
  const counters = waiting(bundle)
  if (counters.length === 0) return null
  return Math.min(...counters.map(waitsSinceMs(bundle))) + WAIT_MAX_MS
}

/** Payments that have waited too long. */
export function overdue(bundle: Waiting, nowMs: number): readonly number[] {
  const sinceMs = waitsSinceMs(bundle)
  return waiting(bundle).filter((counter) => sinceMs(counter) + WAIT_MAX_MS <= nowMs)
}

/** A payment waits from the receipt on that says so, or from the moment at which the reconciler was stricter. */
function waitsSinceMs({ settlements, receipt, receivedAtMs }: Waiting): (counter: number) => number {
  const settled = settlements[0]
  if (settled === undefined) return () => receivedAtMs
  const { exceptions } = decodeReceipt(parseSign1(receipt).payload)
  const kept = new Set(
    exceptions
      .filter(({ decision }) => decision === 'review' || decision === 'quarantined')
      .map(({ counter }) => counter),
  )
  return (counter) => (kept.has(counter) ? receivedAtMs : settled.atMs)
}

/** What ends with the device: all that waits, for people or for its payer. */
export const endsWithDevice = ({ payments }: Pick<StoredBundle, 'payments'>): readonly number[] =>
  payments.flatMap(([counter, status]) => (isOpen(status) ? [counter] : []))

const isOpen = (status: PaymentStatus) => waitsForPeople(status) || status === 'claimed'

/** @param counters payments that wait, one at least */
export function endWaiting(
  bundle: StoredBundle,
  counters: readonly number[],
  { end, actor, reason }: { readonly end: WaitingEnd; readonly actor: string; readonly reason: string },
  nowMs: number,
): { readonly bundle: StoredBundle; readonly resolution: Omit<Resolution, 'rev'> } {
  const ended = new Set(counters)
  const payments = bundle.payments.map((state): PaymentState => {
    const [counter, status] = state
    return ended.has(counter) && isOpen(status) ? [counter, 'pending', REASONS[end]] : state
  })
  return {
    bundle: {
      ...bundle,
      payments,
      votes: [...bundle.votes, ...counters.map((counter): StoredVote => ['review', counter, end, actor])],
      status: bundleStatus(payments.map(([, status]) => status)),
      rev: bundle.rev + 1,
      updatedAtMs: nowMs,
    },
    resolution: {
      kind: 'review',
      bundleId: bundle.bundleId,
      seq: bundle.seq,
      choices: counters.map((counter) => ({ counter, choice: end })),
      reason,
      atMs: nowMs,
      actors: [actor],
    },
  }
}
