import type { Policy } from './policy.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from './time.ts'

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
const QUARTER_MS = 15 * MINUTE_MS
/** Quarter hours remembered in one zone: ten days of them. */
const DAYS_MAX = 1000
/** Until 2010 a few zones put their clocks back a minute after midnight: a quarter hour of two days. */
const QUARTERS_SINCE_MS = Date.UTC(2012, 0)

/**
 * The calendar day of an instant in an IANA zone, as `YYYY-MM-DD`. Formatting costs microseconds and a bundle asks for
 * every payment, so days are remembered by quarter hour: since 2012 all offsets are whole quarters, and clocks are
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

/**
 * The day whose limits a payment uses up, `YYYY-MM-DD`: its own, and for a date ahead the day on which it arrives. A clock
 * that is set forward must not open a fresh day.
 */
export const limitDay = (payment: { readonly initiatedAtMs: number }, arrivesAtMs: number, timeZone: string): string =>
  calendarDay(Math.min(payment.initiatedAtMs, arrivesAtMs), timeZone)

/** Days kept beyond the oldest that the policy takes, for time zones. */
const DAYS_SPARE = 2

/** Drops days that no acceptable payment can fall into any more, or not for long, so that what is kept stays small. */
export function recentActivity(activity: Activity, policy: RecentDays, nowMs: number): Activity {
  const oldest = calendarDay(nowMs - policy.maxBundleAgeHours * HOUR_MS - DAYS_SPARE * DAY_MS, policy.timeZone)
  return new Map([...activity].filter(([key]) => key.slice(0, 10) >= oldest))
}

/** @returns how long before a payment arrives what counts towards its day may have arrived */
export function activityReachMs(policy: Pick<RecentDays, 'maxBundleAgeHours'>): number {
  // Its day began up to a day before it, and nothing that arrived earlier counts towards that day.
  return policy.maxBundleAgeHours * HOUR_MS + DAY_MS
}

type RecentDays = Pick<Policy, 'maxBundleAgeHours' | 'timeZone'>

export const activityKey = (day: string, currency: string): string => `${day}|${currency}`

export const noActivity: DayActivity = { count: 0, value: 0 }
