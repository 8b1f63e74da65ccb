import { PAYMENTS_PER_BUNDLE_MAX } from '../../../src/protocol/limits.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/protocol/time.ts'
import type { Intent, Push } from '../actor.ts'
import type { Dice } from '../dice.ts'
import { afterOutage, type Outage } from './calendar.ts'

/** How a device meets a network: at once, a few times a day, in the evening at home, on a way to town. */
export type Reach = 'online' | 'daily' | 'evening' | 'remote'

/** Of a hundred devices. */
export const REACHES: Record<Reach, number> = { online: 40, daily: 30, evening: 20, remote: 10 }

/** Bundles of one sync follow each other in seconds. */
const NEXT_BUNDLE_MS = 5000

/**
 * Payments in the order in which they were taken, made into bundles as the SDK makes them: all that waits at a sync, a
 * hundred at the most, and the next one when the one before has its receipt. So an honest device leaves no holes.
 */
export function sync(dice: Dice, payments: readonly Intent[], reach: Reach, outages: readonly Outage[]): Push[] {
  const pushes: Push[] = []
  let next = 0
  let freeMs = 0
  while (next < payments.length) {
    const first = payments[next] as Intent
    let syncMs = Math.max(freeMs, afterOutage(meets(dice, first.atMs, reach), outages))
    while (next < payments.length && (payments[next] as Intent).atMs <= syncMs) {
      const run: Intent[] = []
      while (run.length < PAYMENTS_PER_BUNDLE_MAX && (payments[next + run.length]?.atMs ?? Infinity) <= syncMs) {
        run.push(payments[next + run.length] as Intent)
      }
      next += run.length
      // One in thirty answers is lost, and the same bundle is sent again later: signed anew, sealed as it was.
      const lateMs = dice.chance(0.03) ? dice.wait(HOUR_MS) : 0
      const arrivesAtMs = syncMs + lateMs
      pushes.push({ arrivesAtMs, sealedMs: syncMs, signedMs: arrivesAtMs, payments: run })
      syncMs = arrivesAtMs + NEXT_BUNDLE_MS
    }
    freeMs = syncMs
  }
  return pushes
}

function meets(dice: Dice, atMs: number, reach: Reach): number {
  switch (reach) {
    case 'online':
      return atMs + 2000 + dice.wait(10 * MINUTE_MS)
    case 'daily':
      return atMs + dice.wait(4 * HOUR_MS)
    case 'evening': {
      const evening = atMs - (atMs % DAY_MS) + (20 + dice.between(0, 2)) * HOUR_MS
      return evening > atMs ? evening : evening + DAY_MS
    }
    case 'remote':
      return atMs + dice.between(1, 2.5) * DAY_MS
  }
}
