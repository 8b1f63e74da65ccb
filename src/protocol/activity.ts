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

const formats = new Map<string, Intl.DateTimeFormat>()

/**
 * The calendar day of an instant in an IANA zone, as `YYYY-MM-DD`.
 *
 * @throws RangeError when the zone is unknown to the runtime
 */
export function calendarDay(atMs: number, timeZone: string): string {
  let format = formats.get(timeZone)
  if (format === undefined) {
    // Swedish writes dates as ISO 8601 does.
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
    formats.set(timeZone, format)
  }
  return format.format(atMs)
}

export const activityKey = (day: string, currency: string): string => `${day}|${currency}`

export const noActivity: DayActivity = { count: 0, value: 0 }
