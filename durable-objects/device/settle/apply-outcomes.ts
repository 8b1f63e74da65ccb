import { equalBytes } from '../../../src/protocol/bytes.ts'
import { encodeCbor } from '../../../src/protocol/cbor.ts'
import type { BundleRecorded, BundleSettled } from '../../../src/protocol/confirmations.ts'
import { type Outcome, outcomeToCbor } from '../../../src/protocol/notice.ts'
import type { PaymentState } from '../../../src/protocol/payment-states.ts'
import { bundleStatus, type PaymentStatus, waitsForPeople } from '../../../src/protocol/states.ts'
import { eventsOf } from '../../../src/risk/reputation.ts'
import type { StoredBundle } from '../bundle.ts'
import { isResolved, isRevoked } from '../people/voting.ts'
import type { News } from '../sql/outcome-store.ts'

/** What a confirmation changes about a bundle, or undefined when it says nothing new. Pure; safe to repeat. */
export interface AppliedOutcomes {
  readonly bundle: StoredBundle
  /** What the device has to be told: only payments whose status really changed. Undefined when there is nothing. */
  readonly news: News | undefined
}

export function applyConfirmation(
  bundle: StoredBundle,
  confirmation: BundleRecorded | BundleSettled,
  requestId: string | undefined,
  nowMs: number,
): AppliedOutcomes | undefined {
  if (!equalBytes(bundle.bundleId, confirmation.bundleId)) return undefined
  const recorded = bundle.recorded ? bundle : { ...bundle, recorded: true }
  if (confirmation.kind === 'bundle_recorded')
    return bundle.recorded ? undefined : { bundle: recorded, news: undefined }
  if (confirmation.rev <= bundle.settledRev) return bundle.recorded ? undefined : { bundle: recorded, news: undefined }

  const outcomes = new Map(confirmation.outcomes.map((outcome) => [outcome.counter, outcome]))
  const news: Outcome[] = []
  const payments = bundle.payments.map((state): PaymentState => {
    const [counter, status] = state
    const outcome = outcomes.get(counter)
    if (outcome === undefined || outcome.status === status || !mayFollow(status, outcome.status)) return state
    // Told before the reconciler had heard what people decided.
    if (waitsForPeople(outcome.status) && isResolved(bundle, counter, status)) return state
    if (outcome.status === 'claimed' && isRevoked(bundle, counter, status)) return state
    news.push(outcome)
    return outcome.reason === undefined ? [counter, outcome.status] : [counter, outcome.status, outcome.reason]
  })
  const status = bundleStatus(payments.map(([, paymentStatus]) => paymentStatus))
  const settlement = { atMs: nowMs, requestId: requestId ?? null, status, payments: news.length }
  return {
    news: news.length === 0 ? undefined : newsOf(news, confirmation, nowMs),
    bundle: {
      ...recorded,
      payments,
      status,
      settledRev: confirmation.rev,
      rev: bundle.rev + 1,
      updatedAtMs: nowMs,
      settlements: [...bundle.settlements, settlement],
    },
  }
}

/** As it came, when all of it is news. */
function newsOf(news: readonly Outcome[], { outcomes, encoded }: BundleSettled, atMs: number): News {
  const isAll = encoded !== undefined && news.length === outcomes.length
  return {
    atMs,
    count: news.length,
    encoded: isAll ? encoded : encodeCbor(news.map(outcomeToCbor)),
    events: eventsOf(news),
  }
}

/** A final status stays; only a success can still be reversed. */
function mayFollow(from: PaymentStatus, to: PaymentStatus): boolean {
  switch (from) {
    case 'pending_offline':
    case 'pending':
    case 'claimed':
    case 'review':
    case 'quarantined':
      return to !== 'pending_offline'
    case 'succeeded':
      return to === 'reversed'
    case 'failed':
    case 'refused':
    case 'reversed':
      return false
  }
}
