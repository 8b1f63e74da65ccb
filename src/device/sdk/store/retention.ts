import { DAY_MS } from '../../../protocol/time.ts'
import { isDone } from './entry.ts'
import type { LocalDevice } from './local-device.ts'

/** Days that finished payments are kept at the least: the day's limits are counted from them, in any time zone. */
const HISTORY_DAYS_MIN = 2

export const historyMs = (days: number): number => Math.max(days, HISTORY_DAYS_MIN) * DAY_MS

/**
 * Removes what is long done, oldest first and up to the first payment that is not: acknowledged, with its final outcome,
 * and older than the history. Counters without a payment hold nothing up, once there is nothing to learn of them. The
 * boundary is moved before anything is removed, so that a removal that is cut off goes on later and never looks like a loss.
 */
export function prune(device: LocalDevice, keepMs: number): Promise<void> {
  return device.change(async () => {
    const { journal } = device
    const before = device.clock.nowMs() - keepMs
    const lost = new Set(device.state.lostByEdge)
    let { firstCounter } = device.state
    for (let counter = firstCounter; counter < journal.nextCounter; counter++) {
      const entry = journal.entry(counter)
      // How old it is, only its neighbours can tell.
      if (entry === undefined && journal.isSettledWithout(counter)) continue
      if (entry === undefined || !isDone(entry) || lost.has(counter)) break
      if ((entry.payment?.initiatedAtMs ?? 0) > before) break
      firstCounter = counter + 1
    }
    if (firstCounter > device.state.firstCounter) await device.update({ firstCounter })
    const { cleanFrom } = device.state
    if (cleanFrom === firstCounter) return
    await journal.removePayments(cleanFrom, firstCounter)
    const firstSeq = await removeAdmissions(device, firstCounter)
    await device.update({ cleanFrom: firstCounter, firstSeq })
  })
}

/** @returns the first admission that is kept: one that covers a payment on the device, or the chain's head */
async function removeAdmissions({ journal, state }: LocalDevice, firstCounter: number): Promise<number> {
  let { firstSeq } = state
  for (; firstSeq < state.seq; firstSeq++) {
    const last = await journal.admissions.lastCounterOf(firstSeq)
    if (last !== undefined && last >= firstCounter) break
    await journal.admissions.remove(firstSeq)
  }
  return firstSeq
}
