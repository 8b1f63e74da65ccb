import fc from 'fast-check'
import { expect, it } from 'vitest'
import { calendarDay } from '../../src/protocol/activity.ts'

/** Days are remembered by quarter hour; nobody may notice. */
const ZONES = [
  'Africa/Dakar',
  'Africa/Porto-Novo',
  'Africa/Monrovia', // −0:44:30 until 1972
  'Asia/Kathmandu', // +5:45
  'Australia/Lord_Howe', // half an hour of summer time
  'Pacific/Chatham', // +12:45 and +13:45
  'Pacific/Apia', // left out a whole day in 2011
  'Pacific/Kiritimati', // −10:40 until 1979
]
const DAY_MS = 86_400_000
const plain = (atMs: number, timeZone: string) => {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
  return parts.format(atMs)
}

it.each(ZONES)('the day of an instant in %s is what it is, whatever was asked before', (zone) => {
  // Around the zone's midnights, to the second, where a wrong memory would show.
  const instant = fc
    .tuple(fc.integer({ min: 0, max: 60 * 365 }), fc.integer({ min: -7200, max: 7200 }))
    .map(([day, seconds]) => {
      const noonMs = day * DAY_MS + DAY_MS / 2
      const time = { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
      const [hour = 0, minute = 0] = new Intl.DateTimeFormat('en-GB', time).format(noonMs).split(':').map(Number)
      return noonMs + (24 * 60 - hour * 60 - minute) * 60_000 + seconds * 1000
    })
  fc.assert(
    fc.property(fc.array(instant, { minLength: 1, maxLength: 5 }), (instants) => {
      for (const atMs of instants) {
        for (const nearMs of [atMs, atMs - 899_000, atMs + 899_000]) {
          expect(calendarDay(nearMs, zone)).toBe(plain(nearMs, zone))
        }
      }
    }),
    { numRuns: 300 },
  )
})

it('a zone that nobody knows is no day', () => {
  expect(() => calendarDay(0, 'Africa/Atlantis')).toThrow(RangeError)
})

it('a clock that is put back a minute after midnight, as Newfoundland’s was until 2010, has two days in a quarter hour', () => {
  const days = ['02:30:30', '02:31:30', '03:31:30'].map((time) =>
    calendarDay(Date.parse(`2010-11-07T${time}Z`), 'America/St_Johns'),
  )
  expect(days).toEqual(['2010-11-07', '2010-11-06', '2010-11-07'])
})
