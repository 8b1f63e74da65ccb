import { HOUR_MS } from '../../../src/protocol/time.ts'
import { raise } from '../owed/escalation.ts'
import { readDevice } from '../sql/device-store.ts'
import { lastRaisedMs } from '../sql/escalation-store.ts'
import { hasHoles, holeSince } from '../sql/hole-store.ts'

/**
 * A bundle that is missing may be on its way for as long as a bundle may be old. After that nothing it holds can be
 * accepted any more, and whoever signed what follows it may not be whoever should have signed it: people have to look.
 * Each hole is escalated once, also when a part of it is filled later.
 *
 * Call it within a storage transaction.
 */
export function raiseOverdueGap(sql: SqlStorage, nowMs: number): void {
  if (!hasHoles(sql)) return
  const patienceMs = readDevice(sql).policy.maxBundleAgeHours * HOUR_MS
  // Holes that were this old when one was escalated are known.
  const knownMs = (lastRaisedMs(sql, 'chain_gap') ?? 0) - patienceMs
  const seq = holeSince(sql, knownMs, nowMs - patienceMs)
  if (seq !== undefined) raise(sql, { kind: 'chain_gap', seq, digests: [] }, nowMs)
}
