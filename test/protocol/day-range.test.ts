import fc from 'fast-check'
import { expect, it } from 'vitest'
import { calendarDay } from '../../src/protocol/activity.ts'
import { dayRange } from '../../src/protocol/day-range.ts'

const hours = (text: string) => Date.parse(text)

it.each([
  ['2027-03-04', 'Africa/Dakar', '2027-03-04T00:00Z', '2027-03-05T00:00Z'],
  ['2027-03-04', 'Africa/Porto-Novo', '2027-03-03T23:00Z', '2027-03-04T23:00Z'],
  ['2027-12-31', 'Pacific/Kiritimati', '2027-12-30T10:00Z', '2027-12-31T10:00Z'],
  ['2027-03-04', 'Etc/GMT+12', '2027-03-04T12:00Z', '2027-03-05T12:00Z'],
  // The clocks go forward: 23 hours.
  ['2027-03-28', 'Europe/Paris', '2027-03-27T23:00Z', '2027-03-28T22:00Z'],
  // Back, at midnight of the day itself: 25 hours.
  ['2027-10-31', 'Europe/Paris', '2027-10-30T22:00Z', '2027-10-31T23:00Z'],
])('%s in %s begins and ends when clocks there say so', (date, zone, from, to) => {
  expect(dayRange(date, zone)).toEqual({ fromMs: hours(from), toMs: hours(to) })
})

it('days follow each other without a gap, and their first and last millisecond are theirs', () => {
  const zones = fc.constantFrom(
    'Africa/Dakar',
    'Africa/Porto-Novo',
    'America/St_Johns',
    'Asia/Kathmandu',
    'Europe/Paris',
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40_000 }), zones, (day, zone) => {
      const [date, next] = [day, day + 1].map((n) => new Date(n * 86_400_000).toISOString().slice(0, 10))
      const range = dayRange(date ?? '', zone)
      expect(range?.toMs).toBe(dayRange(next ?? '', zone)?.fromMs)
      expect(calendarDay(range?.fromMs ?? 0, zone)).toBe(date)
      expect(calendarDay((range?.toMs ?? 0) - 1, zone)).toBe(date)
      expect(calendarDay((range?.fromMs ?? 0) - 1, zone) < (date ?? '')).toBe(true)
    }),
    { numRuns: 200 },
  )
})

it.each(['2027-02-30', '2027-13-01', '2027-3-4', 'today', '', '2027-03-04T00:00Z', '02027-03-04'])(
  '%s is no day',
  (date) => expect(dayRange(date, 'UTC')).toBeUndefined(),
)
