import { equalBytes } from '../../../src/protocol/bytes.ts'
import type { BundleRecorded, BundleSettled } from '../../../src/protocol/confirmations.ts'
import type { Outcome } from '../../../src/protocol/notice.ts'
import { bundleStatus, type PaymentStatus } from '../../../src/protocol/states.ts'
import type { PaymentState, StoredBundle } from '../bundle.ts'
import { isResolved } from '../people/voting.ts'

/** What a confirmation changes about a bundle, or undefined when it says nothing new. Pure; safe to repeat. */
export interface AppliedOutcomes {
  readonly bundle: StoredBundle
  /** What the device has to be told: only payments whose status really changed. */
  readonly news: readonly Outcome[]
}

export function applyConfirmation(
  bundle: StoredBundle,
  confirmation: BundleRecorded | BundleSettled,
  nowMs: number,
): AppliedOutcomes | undefined {
  if (!equalBytes(bundle.bundleId, confirmation.bundleId)) return undefined
  const recorded = bundle.recorded ? bundle : { ...bundle, recorded: true }
  if (confirmation.kind === 'bundle_recorded') return bundle.recorded ? undefined : { bundle: recorded, news: [] }
  if (confirmation.rev <= bundle.settledRev) return bundle.recorded ? undefined : { bundle: recorded, news: [] }

  const outcomes = new Map(confirmation.outcomes.map((outcome) => [outcome.counter, outcome]))
  const news: Outcome[] = []
  const payments = bundle.payments.map((state): PaymentState => {
    const [counter, status] = state
    const outcome = outcomes.get(counter)
    if (outcome === undefined || outcome.status === status || !mayFollow(status, outcome.status)) return state
    // Told before the reconciler had heard what people decided.
    if (waitsForPeople(outcome.status) && isResolved(bundle, counter, status)) return state
    news.push(outcome)
    return outcome.reason === undefined ? [counter, outcome.status] : [counter, outcome.status, outcome.reason]
  })
  return {
    news,
    bundle: {
      ...recorded,
      payments,
      status: bundleStatus(payments.map(([, status]) => status)),
      settledRev: confirmation.rev,
      rev: bundle.rev + 1,
      updatedAtMs: nowMs,
    },
  }
}

const waitsForPeople = (status: PaymentStatus): boolean => status === 'review' || status === 'quarantined'

/** A final status stays; only a success can still be reversed. */
function mayFollow(from: PaymentStatus, to: PaymentStatus): boolean {
  switch (from) {
    case 'pending_offline':
    case 'pending':
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
