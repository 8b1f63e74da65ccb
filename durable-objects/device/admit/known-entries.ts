import { isVoided, type PaymentEntry } from '../../../src/protocol/payment.ts'
import type { PaymentState } from '../../../src/protocol/payment-states.ts'
import type { StoredBundle } from '../bundle.ts'

/**
 * What counters were in the bundle that brought them first. A copy must be of the same kind: a device that voids what it
 * has brought as a payment, or the other way round, tells two stories, although one of them moves no money. Pure.
 */
export type KnownEntries = ReadonlyMap<number, KnownEntry>

interface KnownEntry {
  readonly voided: boolean
  /** The admitted bundle that says so. */
  readonly bundle: Pick<StoredBundle, 'seq' | 'digest'>
}

type Covering = Pick<StoredBundle, 'seq' | 'digest' | 'firstCounter' | 'lastCounter' | 'payments'>

/** @param covering admitted bundles that hold any of the counters from `first` to `last` */
export function knownEntries(covering: readonly Covering[], first: number, last: number): KnownEntries {
  const known = new Map<number, KnownEntry>()
  for (const { seq, digest, firstCounter, lastCounter, payments } of covering) {
    // A copy was refused, of either kind: it is not what the first bundle said.
    const copies = new Set(payments.filter(isCopy).map(([counter]) => counter))
    const paid = new Set(payments.map(([counter]) => counter))
    for (let counter = Math.max(first, firstCounter); counter <= Math.min(last, lastCounter); counter++) {
      if (copies.has(counter)) continue
      const isPaid = paid.has(counter)
      // A void that was brought again is in no list, like the first one: a payment, where there is one, decides.
      if (isPaid || !known.has(counter)) known.set(counter, { voided: !isPaid, bundle: { seq, digest } })
    }
  }
  return known
}

const isCopy = ([, status, reason]: PaymentState): boolean => status === 'refused' && reason === 'duplicate'

/** @returns the admitted bundle that says otherwise of this counter */
export function contradicted(known: KnownEntries, entry: PaymentEntry): KnownEntry['bundle'] | undefined {
  const before = known.get(entry.counter)
  return before !== undefined && before.voided !== isVoided(entry) ? before.bundle : undefined
}
