import fc from 'fast-check'
import { isValidPhoneNumber, parsePhoneNumberWithError } from 'libphonenumber-js/min'
import { expect, it } from 'vitest'
import { COUNTRIES } from '../../src/protocol/policy.ts'
import { canonicalWallet } from '../../src/protocol/wallet.ts'

/**
 * The plans of the six countries, with Google's libphonenumber as the judge. The SDK does not ship the library: with these
 * countries alone it weighs 10 KB (gzip) where the plans weigh nothing.
 */
const national = fc.stringMatching(/^[0-9]{7,11}$/)
/** Numbers that begin as a country's do come up seldom by chance. */
const beginning = fc.constantFrom('', '01', '05', '07', '21', '25', '27', '3', '7', '9')
const digits = fc.tuple(beginning, national).map(([begin, rest]) => (begin + rest).slice(0, Math.max(8, rest.length)))

it.each(COUNTRIES)('of %s nothing is a number that the library does not know as one', (country) => {
  let numbers = 0
  fc.assert(
    fc.property(digits, (text) => {
      const ours = canonicalWallet(text, country)
      if (!ours.ok || !ours.value.startsWith('+')) return
      numbers++
      expect(isValidPhoneNumber(ours.value)).toBe(true)
      // As a number of the country, or with a calling code in front.
      const isNational = text.length === ours.value.length - 4
      expect(parsePhoneNumberWithError(isNational ? text : `+${text.replace(/^00/, '')}`, country).number).toBe(
        ours.value,
      )
    }),
    { numRuns: 3000 },
  )
  expect(numbers).toBeGreaterThan(10)
})

/** What the library knows and a wallet's number cannot be: services, and what is reached by internet alone. */
const STRICTER: Readonly<Record<string, RegExp>> = {
  SN: /^(?:8|93)/,
  // Read as the prefix of calls abroad.
  BF: /^00/,
  CI: /^(?:0[02-46-9]|2[0-46-9])/,
}

it.each(COUNTRIES)('of %s every number of the library is one, but for those that are listed', (country) => {
  fc.assert(
    fc.property(digits, (text) => {
      if (!isValidPhoneNumber(text, country) || STRICTER[country]?.test(text)) return
      const { number, country: of } = parsePhoneNumberWithError(text, country)
      // 00 and another country's code.
      if (of !== country) return
      expect(canonicalWallet(number)).toEqual({ ok: true, value: number })
    }),
    { numRuns: 3000 },
  )
})
