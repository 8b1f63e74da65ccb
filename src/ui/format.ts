import type { Locale } from './words/messages.ts'

/** Amounts are written as in Senegal whatever language the sentence is in: the same figures on every screen and paper. */
const AMOUNT_LOCALE = 'fr-SN'

/** Languages for dates. Few browsers know Wolof's months; where one does not, they are French. */
const DATE_LOCALES: Readonly<Record<Locale, readonly string[]>> = {
  fr: ['fr-SN'],
  en: ['en-GB'],
  wo: ['wo-SN', 'fr-SN'],
}

const amounts = new Map<string, Intl.NumberFormat>()
const times = new Map<string, Intl.DateTimeFormat>()

/**
 * @param minor integer, minor units of the currency
 * @param currency ISO 4217
 * @example
 * formatAmount(2500, 'XOF') // '2 500 F CFA', with no-break spaces
 */
export function formatAmount(minor: number, currency: string): string {
  const format = cached(amounts, currency, () => new Intl.NumberFormat(AMOUNT_LOCALE, { style: 'currency', currency }))
  const digits = format.resolvedOptions().maximumFractionDigits ?? 0
  // As text: dividing would round large amounts.
  const padded = String(minor).padStart(digits + 1, '0')
  const split = padded.length - digits
  return format.format(`${padded.slice(0, split)}.${padded.slice(split)}0` as `${number}`)
}

/** How much of an instant is written: the time alone below a day's heading, the year too where a receipt must last. */
export type TimeForm = 'time' | 'day' | 'year'

const CLOCK = { hour: '2-digit', minute: '2-digit', hour12: false } as const
const TIME_FORMS: Readonly<Record<TimeForm | 'heading', Intl.DateTimeFormatOptions>> = {
  time: CLOCK,
  day: { day: 'numeric', month: 'short', ...CLOCK },
  year: { day: 'numeric', month: 'short', year: 'numeric', ...CLOCK },
  heading: { weekday: 'long', day: 'numeric', month: 'long' },
}

/**
 * Day and time of day, never "5 minutes ago": a text that does not go stale on a page that stands still. It is not broken
 * across lines.
 *
 * @param timeZone IANA name
 * @example
 * formatTime(payment.initiatedAtMs, 'fr', 'Africa/Dakar', 'year') // '2 déc. 2026, 10:25'
 */
export function formatTime(atMs: number, locale: Locale, timeZone: string, form: TimeForm = 'day'): string {
  return dateFormat(locale, timeZone, form).format(atMs).replaceAll(' ', '\u00a0')
}

/** A day as a heading above its payments: `mercredi 2 décembre`. */
export const formatDay = (atMs: number, locale: Locale, timeZone: string): string =>
  dateFormat(locale, timeZone, 'heading').format(atMs)

function dateFormat(locale: Locale, timeZone: string, form: keyof typeof TIME_FORMS): Intl.DateTimeFormat {
  const make = () => new Intl.DateTimeFormat(DATE_LOCALES[locale], { ...TIME_FORMS[form], timeZone })
  return cached(times, `${locale} ${timeZone} ${form}`, make)
}

/** How the countries write their numbers: the calling code, then groups of digits. */
const NUMBER_GROUPS: readonly (readonly [code: string, groups: readonly number[]])[] = [
  ['+221', [2, 3, 2, 2]],
  ['+225', [2, 2, 2, 2, 2]],
  ['+223', [2, 2, 2, 2]],
  ['+226', [2, 2, 2, 2]],
  ['+228', [2, 2, 2, 2]],
  ['+229', [2, 2, 2, 2, 2]],
]

/**
 * A wallet as people write it: a phone number in its groups, any other id as it is.
 *
 * @example
 * formatParty('+221770000001') // '+221 77 000 00 01', with no-break spaces
 */
export function formatParty(party: string): string {
  const found = NUMBER_GROUPS.find(([code]) => party.startsWith(code))
  if (found === undefined) return party
  const [code, groups] = found
  const parts = [code]
  let at = code.length
  for (const digits of groups) {
    parts.push(party.slice(at, at + digits))
    at += digits
  }
  return at === party.length ? parts.join('\u00a0') : party
}

/** Enough of a wallet's name to recognise a customer, too little to call one: `•••• 0001`. */
export function maskParty(party: string): string {
  return party.length <= 4 ? party : `•••• ${party.slice(-4)}`
}

function cached<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const known = cache.get(key) ?? make()
  cache.set(key, known)
  return known
}
