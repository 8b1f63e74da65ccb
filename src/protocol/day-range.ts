import { calendarDay } from './activity.ts'
import { DAY_MS, HOUR_MS } from './time.ts'

/** Zones lie between UTC-12 and UTC+14. */
const SPREAD_MS = 15 * HOUR_MS

export interface DayRange {
  /** UTC milliseconds; the first is of the day, the last is not. */
  readonly fromMs: number
  readonly toMs: number
}

/**
 * When a calendar day begins and ends in an IANA zone.
 *
 * @param date `YYYY-MM-DD`
 * @returns undefined when there is no such day
 * @throws RangeError when the zone is unknown to the runtime
 * @example
 * dayRange('2027-03-04', 'Africa/Porto-Novo') // from 2027-03-03T23:00Z to 2027-03-04T23:00Z
 */
export function dayRange(date: string, timeZone: string): DayRange | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return undefined
  const midnightMs = Date.parse(`${date}T00:00:00Z`)
  // 2027-02-30 is parsed by some runtimes as a day of March.
  if (!Number.isFinite(midnightMs) || !new Date(midnightMs).toISOString().startsWith(date)) return undefined
  const nextDate = new Date(midnightMs + DAY_MS).toISOString().slice(0, 10)
  return { fromMs: beginOf(date, midnightMs, timeZone), toMs: beginOf(nextDate, midnightMs + DAY_MS, timeZone) }
}

/** The first millisecond that is not before the day, found by halves: days of a zone never go back. */
function beginOf(date: string, midnightMs: number, timeZone: string): number {
  let before = midnightMs - SPREAD_MS
  let within = midnightMs + SPREAD_MS
  while (within - before > 1) {
    const middle = Math.floor((before + within) / 2)
    if (calendarDay(middle, timeZone) < date) before = middle
    else within = middle
  }
  return within
}
