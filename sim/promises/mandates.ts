import { type CborValue, decodeCbor } from '../../src/protocol/cbor.ts'
import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'
import { isStopped } from './consent-words.ts'
import type { PolicyRow } from './policies.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** As many as a phone is shown. */
const SHOWN_MAX = 50

/** Each phone's object has been told of what mandates paid out of its wallet, and of nothing else. */
export function holdersAreTold(
  { edge, phones }: Pick<World, 'edge' | 'phones'>,
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  return [...phones].flatMap(([wallet, { deviceId }]) => {
    if (isStopped(edge, deviceId)) return []
    const [row] = edge.objects.read(deviceId, 'SELECT mandated FROM taken_by_others')
    const told = row === undefined ? [] : (decodeCbor(new Uint8Array(row['mandated'] as ArrayBuffer)) as CborValue[][])
    const names = told.map(([taker, counter, , amount]) => `${taker}/${counter} of ${amount}`)
    const paid = [...booked.values()]
      .filter(({ sender, status, reason }) => sender === wallet && status === 'succeeded' && reason === 'mandated')
      .map(({ localId, amount }) => `${localId} of ${amount}`)
    const missing = paid.length > SHOWN_MAX ? [] : paid.filter((name) => !names.includes(name))
    return [
      ...missing.map((name) => `${deviceId} is not told that a mandate paid ${name}`),
      ...names.filter((name) => !paid.includes(name)).map((name) => `${deviceId} is told that a mandate paid ${name}`),
    ]
  })
}

/**
 * No wallet loses by mandate more than its holder said: no payment above the highest that the phone ever let, and over all days
 * not more than the highest day times the days. What the sum of each single day is the model and `verify` say.
 */
export function mandatesAreKept(
  { mandates, scheduler }: Pick<World, 'mandates' | 'scheduler'>,
  booked: ReadonlyMap<string, BookedPayment>,
  policies: ReadonlyMap<string, PolicyRow>,
): string[] {
  // Of countries that lower them the first ones are the highest.
  const [paymentMax, dayMax] = [
    Math.max(...[...policies.values()].map((policy) => policy.mandate_payment_max)),
    Math.max(...[...policies.values()].map((policy) => policy.mandate_day_max)),
  ]
  const wrong: string[] = []
  const lost = new Map<string, number>()
  for (const { localId, reason, sender, amount } of booked.values()) {
    if (reason !== 'mandated') continue
    const said = Math.max(0, ...(mandates.get(sender) ?? []).map((one) => one.paymentMax))
    const most = Math.min(said, paymentMax)
    if (amount > most) wrong.push(`${localId} took ${amount} from ${sender} by a mandate of ${most}`)
    lost.set(sender, (lost.get(sender) ?? 0) + amount)
  }
  for (const [wallet, sum] of lost) {
    const sinceMs = mandates.get(wallet)?.[0]?.saidAtMs ?? scheduler.nowMs
    // A day begins an hour earlier in Benin than in the others.
    const days = Math.floor((scheduler.nowMs + HOUR_MS) / DAY_MS) - Math.floor(sinceMs / DAY_MS) + 1
    const aDay = Math.min(dayMax, Math.max(0, ...(mandates.get(wallet) ?? []).map((one) => one.dayMax)))
    if (sum > days * aDay) wrong.push(`${wallet} lost ${sum} by mandates in ${days} days of ${aDay}`)
  }
  return wrong
}
