import { hasCounter } from '../../../protocol/counters.ts'
import { withChange } from '../store/changes.ts'
import type { LocalDevice } from '../store/local-device.ts'

/**
 * Sets counters aside for payments that come back: from here on no other payment is given one below `nextCounter`, and
 * the journal begins no later than with the first of them. The caller holds the lock.
 */
export async function reserve(device: LocalDevice, returning: readonly number[], nextCounter: number): Promise<void> {
  const { state, journal } = device
  const { leftOut } = state
  // Some of them lie in what was left out: it is read from now on, and what is not there is not lost.
  const inLeftOut = leftOut?.counters && returning.some((counter) => hasCounter([leftOut.counters ?? [0, 0]], counter))
  const knownFrom = inLeftOut ? Math.max(state.knownFrom, leftOut.counters[1] + 1) : state.knownFrom
  const firstCounter = Math.min(state.firstCounter, ...returning)
  await device.replace({
    ...state,
    firstCounter,
    cleanFrom: Math.min(firstCounter, state.cleanFrom),
    // What was there before is not lost: it was removed because it was done.
    knownFrom: firstCounter < state.firstCounter ? Math.max(knownFrom, state.firstCounter) : knownFrom,
    nextCounter: Math.max(nextCounter, journal.nextCounter),
    voidFrom: Math.max(nextCounter, state.voidFrom),
    returning,
    ...(inLeftOut && { leftOut: { to: leftOut.to, seqs: leftOut.seqs } }),
    changes: withChange(state.changes, returning),
  })
  await device.reload()
}

/** All that was to come back is written. */
export async function returned(device: LocalDevice): Promise<void> {
  const { returning: _, ...rest } = device.state
  await device.replace(rest)
}
