import { DAY_MS, HOUR_MS } from '../../../src/protocol/time.ts'
import type { Dice } from '../dice.ts'

/** A Sunday. Dakar keeps UTC, so a day here is the policy's day. */
export const MONTH_STARTS_MS = Date.UTC(2026, 10, 1)
export const DAYS = 30
/** Devices that are no longer new lived so long before the month: their days fill what the rules know of them. */
export const DAYS_BEFORE = 27

export const dayStart = (day: number): number => MONTH_STARTS_MS + day * DAY_MS

/** Sundays are quiet; Wednesday and Saturday are market days; before the end of the month wages are spent. */
export function busyness(day: number): number {
  const weekday = ((day % 7) + 7) % 7
  const payday = day >= 27 ? 1.3 : 1
  return payday * (weekday === 0 ? 0.4 : weekday === 3 || weekday === 6 ? 1.6 : 1)
}

export interface Outage {
  readonly fromMs: number
  readonly toMs: number
}

/** Once a month a region has no network for one to two and a half days, and now and then for hours. */
export function outages(dice: Dice): readonly Outage[] {
  const long = dayStart(dice.int(4, DAYS - 5)) + dice.between(0, DAY_MS)
  const short = Array.from({ length: 4 }, () => dayStart(dice.int(0, DAYS - 1)) + dice.between(6, 18) * HOUR_MS)
  return [
    { fromMs: long, toMs: long + dice.between(1, 2.5) * DAY_MS },
    ...short.map((fromMs) => ({ fromMs, toMs: fromMs + dice.between(2, 8) * HOUR_MS })),
  ].sort((a, b) => a.fromMs - b.fromMs)
}

export function afterOutage(atMs: number, all: readonly Outage[]): number {
  return all.reduce((at, { fromMs, toMs }) => (at >= fromMs && at < toMs ? toMs : at), atMs)
}
