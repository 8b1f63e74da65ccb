import { parseSign1 } from '../../../src/protocol/cose.ts'
import { decodeNotice, decodePushResponse } from '../../../src/protocol/notice.ts'
import type { Push } from '../fleet.ts'
import { percentile } from '../stats.ts'

/** How many syncs a device needs after a push until it has seen what became of it. A push is a sync. */
export interface SeenFigures {
  /** Pushes that were followed by one of the same device. */
  readonly pushes: number
  readonly p50: number
  readonly max: number
}

/**
 * @param pushes in the order in which they were sent
 * @param answers of those from `from` on
 */
export function seenBySyncs(pushes: readonly Push[], answers: readonly Uint8Array[], from: number): SeenFigures {
  const waiting = new Map<string, { readonly lastCounter: number; syncs: number }[]>()
  const syncs: number[] = []
  for (const [index, { deviceId, lastCounter }] of pushes.entries()) {
    const own = waiting.get(deviceId) ?? []
    const answer = answers[index - from]
    if (index >= from && answer !== undefined) {
      const told = new Set(countersToldIn(answer))
      for (const push of own) push.syncs++
      const seen = own.filter(({ lastCounter }) => told.has(lastCounter))
      syncs.push(...seen.map((push) => push.syncs))
      waiting.set(deviceId, [...own.filter((push) => !seen.includes(push)), { lastCounter, syncs: 0 }])
    } else waiting.set(deviceId, [...own, { lastCounter, syncs: 0 }])
  }
  // One that was never seen although its device has synced counts with the syncs that did not show it.
  for (const own of waiting.values()) syncs.push(...own.flatMap((push) => (push.syncs > 0 ? push.syncs + 1 : [])))
  return { pushes: syncs.length, p50: percentile(syncs, 0.5), max: percentile(syncs, 1) }
}

function countersToldIn(answer: Uint8Array): readonly number[] {
  const { notice } = decodePushResponse(answer)
  return decodeNotice(parseSign1(notice).payload).outcomes.map(({ counter }) => counter)
}
