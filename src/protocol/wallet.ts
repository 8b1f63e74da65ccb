import { isParty } from './ids.ts'
import type { Country } from './policy.ts'
import { err, ok, type Result } from './result.ts'

/**
 * Why a text names no wallet.
 *
 * - `empty`: nothing was given
 * - `link`: a URI other than `tel:`, such as a Wi-Fi code or a web address
 * - `number`: meant as a phone number, and no number of the plan: a digit too few or too many, a letter in it
 * - `old_number`: of the plan before Benin (2024) and Côte d'Ivoire (2021) went from 8 digits to 10
 * - `foreign_number`: of a country that is not served
 * - `characters`: more than 64 characters, or one that no wallet id has
 */
export type WalletFault = 'empty' | 'link' | 'number' | 'old_number' | 'foreign_number' | 'characters'

/** National numbers (ITU-T E.164 numbering plans of the countries) behind their calling codes. */
const PLANS: Readonly<Record<Country, { readonly code: string; readonly national: RegExp; readonly old?: RegExp }>> = {
  SN: { code: '221', national: /^[37]\d{8}$/ },
  CI: { code: '225', national: /^(?:0[157]|2[157])\d{8}$/, old: /^\d{8}$/ },
  ML: { code: '223', national: /^[24-9]\d{7}$/ },
  BF: { code: '226', national: /^(?:0[1-9]|[24-7]\d)\d{6}$/ },
  TG: { code: '228', national: /^[279]\d{7}$/ },
  BJ: { code: '229', national: /^01\d{8}$/, old: /^\d{8}$/ },
}

/** As many digits are a phone number, and no id: the shortest national number of the plans. */
const NUMBER_DIGITS_MIN = 8

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const SCHEME = /^[a-z][a-z0-9+.-]*:/i
/** Invisible: direction marks and isolates, joiners, soft hyphens, byte order marks. */
const FORMAT_CHARACTERS = /\p{Cf}/gu
const SEPARATORS = /[\s()./\p{Pd}]/gu

/**
 * The one form of a wallet id that a person typed or a camera read: E.164 with its `+` for a phone number (RFC 3966 and
 * separators are read), a UUID in lower case, any other id as it stands. Two texts that name one wallet become the same
 * text, and a canonical text stays as it is.
 *
 * @param country whose numbers may stand without calling code; nobody's when left out
 * @example
 * canonicalWallet('tel:+221-77-000-00-01') // { ok: true, value: '+221770000001' }
 * canonicalWallet('+229 97 00 00 00') // { ok: false, error: 'old_number' }
 */
export function canonicalWallet(text: string, country?: string): Result<string, WalletFault> {
  const shown = text.normalize('NFKC').replace(FORMAT_CHARACTERS, '').trim()
  if (shown === '') return err('empty')
  if (UUID.test(shown)) return ok(shown.toLowerCase())
  const scheme = SCHEME.exec(shown)?.[0] ?? ''
  if (scheme !== '' && scheme.toLowerCase() !== 'tel:') return err('link')
  const number = shown.slice(scheme.length).replace(SEPARATORS, '')
  const isNumber = /^\+?\d+$/.test(number)
  if (number.startsWith('+') || scheme !== '' || (isNumber && number.length >= NUMBER_DIGITS_MIN)) {
    return isNumber ? canonicalNumber(number, country) : err('number')
  }
  return isParty(shown) ? ok(shown) : err('characters')
}

/** @param number digits, with `+` or without */
function canonicalNumber(number: string, country?: string): Result<string, WalletFault> {
  const home = Object.entries(PLANS).find(([name]) => name === country)?.[1]
  if (home?.national.test(number)) return ok(`+${home.code}${number}`)
  const international = number.replace(/^(?:\+|00)/, '')
  const plan = Object.values(PLANS).find(({ code }) => international.startsWith(code))
  const national = international.slice(3)
  if (plan?.national.test(national)) return ok(`+${plan.code}${national}`)
  if (plan?.old?.test(national) || home?.old?.test(number)) return err('old_number')
  return err(plan || international === number ? 'number' : 'foreign_number')
}

/** Whether the text is a wallet id in its one form. */
export function isCanonicalWallet(text: string): boolean {
  const canonical = canonicalWallet(text)
  return canonical.ok && canonical.value === text
}
