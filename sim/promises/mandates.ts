import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'

const DAY_MS = 86_400_000

/**
 * No wallet loses by mandate more than its holder said: no payment above the highest that the phone ever let, and over all days
 * not more than the highest day times the days. What the sum of each single day is the model and `verify` say.
 */
export function mandatesAreKept(
  { mandates, scheduler }: Pick<World, 'mandates' | 'scheduler'>,
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  const wrong: string[] = []
  const lost = new Map<string, number>()
  for (const { localId, reason, sender, amount } of booked.values()) {
    if (reason !== 'mandated') continue
    const most = Math.max(0, ...(mandates.get(sender) ?? []).map(({ paymentMax }) => paymentMax))
    if (amount > most) wrong.push(`${localId} took ${amount} from ${sender} by a mandate of ${most}`)
    lost.set(sender, (lost.get(sender) ?? 0) + amount)
  }
  for (const [wallet, sum] of lost) {
    const sinceMs = mandates.get(wallet)?.[0]?.saidAtMs ?? scheduler.nowMs
    const days = Math.floor(scheduler.nowMs / DAY_MS) - Math.floor(sinceMs / DAY_MS) + 1
    const aDay = Math.max(0, ...(mandates.get(wallet) ?? []).map(({ dayMax }) => dayMax))
    if (sum > days * aDay) wrong.push(`${wallet} lost ${sum} by mandates in ${days} days of ${aDay}`)
  }
  return wrong
}
