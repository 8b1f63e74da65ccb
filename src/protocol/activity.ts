/**
 * How many payments of how much value a device took on a day in a currency: what the daily limits are counted against.
 * Refused payments do not count; those that wait for a person do.
 */
export interface DayActivity {
  readonly count: number
  /** Minor units. */
  readonly value: number
}

/** `2026-11-22|XOF` → what was counted. Days are the policy's calendar days. */
export type Activity = ReadonlyMap<string, DayActivity>

/** A zone's formatter, and the days of quarter hours that were asked for. */
interface Zone {
  readonly format: Intl.DateTimeFormat
  readonly days: Map<number, string>
}

const zones = new Map<string, Zone>()
const QUARTER_MS = 15 * 60_000
/** Quarter hours remembered in one zone: ten days of them. */
const DAYS_MAX = 1000
/** Offsets of the last zones that counted odd minutes ended in the 1970s. */
const QUARTERS_SINCE_MS = Date.UTC(1980, 0)

/**
 * The calendar day of an instant in an IANA zone, as `YYYY-MM-DD`. Formatting costs microseconds and a bundle asks for
 * every payment, so days are remembered by quarter hour: since 1980 all offsets are whole quarters, and clocks are
 * changed at whole quarters, so no midnight lies within one.
 *
 * @throws RangeError when the zone is unknown to the runtime
 */
export function calendarDay(atMs: number, timeZone: string): string {
  let zone = zones.get(timeZone)
  if (zone === undefined) {
    // Swedish writes dates as ISO 8601 does.
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
    zone = { format, days: new Map() }
    zones.set(timeZone, zone)
  }
  const { format, days } = zone
  if (atMs < QUARTERS_SINCE_MS) return format.format(atMs)
  const quarter = Math.floor(atMs / QUARTER_MS)
  let day = days.get(quarter)
  if (day === undefined) {
    day = format.format(atMs)
    if (days.size >= DAYS_MAX) days.clear()
    days.set(quarter, day)
  }
  return day
}

export const activityKey = (day: string, currency: string): string => `${day}|${currency}`

export const noActivity: DayActivity = { count: 0, value: 0 }
