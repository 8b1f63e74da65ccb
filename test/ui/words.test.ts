import { describe, expect, it } from 'vitest'
import { isFinal, PAYMENT_STATUSES } from '../../src/protocol/states.ts'
import { formatAmount, formatTime, maskParty } from '../../src/ui/format.ts'
import { MESSAGES } from '../../src/ui/words/index.ts'
import { LOCALES } from '../../src/ui/words/messages.ts'
import { PAID } from './paid.ts'

/** How each language says that a payment is not paid. */
const NOT_PAID = { fr: 'Pas encore payé.', en: 'Not paid yet.', wo: 'Feyaguñu ko.' }

describe.each(LOCALES)('%s', (locale) => {
  const words = MESSAGES[locale]

  it('says of every payment that is not final that it is not paid, and never that it is', () => {
    for (const status of PAYMENT_STATUSES.filter((status) => !isFinal(status))) {
      const { label, detail } = words.statuses[status]
      expect(detail).toContain(NOT_PAID[locale])
      expect(label).not.toMatch(PAID[locale])
      expect(detail).not.toMatch(PAID[locale])
      expect(words.announce[status](2)).not.toMatch(PAID[locale])
    }
    expect(words.statuses.succeeded.label).toMatch(PAID[locale])
  })

  it('has another word for every status', () => {
    const labels = Object.values(words.statuses).map(({ label }) => label)
    expect(new Set(labels).size).toBe(labels.length)
  })

  it('does not call a payment paid that was only taken, sent or received', () => {
    const said = [
      ...Object.values(words.button),
      words.sync.done,
      words.sync.progress(3, 3),
      words.qr.bundle.hint,
      words.qr.receipt.hint,
    ]
    for (const text of said) expect(text).not.toMatch(PAID[locale])
  })

  it('says where the money is for every error, and what to do wherever something can be done', () => {
    for (const text of Object.values(words.money)) expect(text).not.toBe('')
    for (const [step, text] of Object.entries(words.next)) expect(text === '').toBe(step === 'none')
  })
})

it('amounts are written as in Senegal, to the space', () => {
  expect(formatAmount(2_500, 'XOF')).toBe('2\u202f500\u00a0F\u202fCFA')
  expect(formatAmount(1_250_000, 'XOF')).toBe('1\u202f250\u202f000\u00a0F\u202fCFA')
  expect(formatAmount(1, 'XOF')).toBe('1\u00a0F\u202fCFA')
})

it('minor units become decimals without rounding, up to the largest amount', () => {
  expect(formatAmount(5, 'EUR')).toBe('0,05\u00a0€')
  expect(formatAmount(123_456, 'EUR')).toBe('1\u202f234,56\u00a0€')
  expect(formatAmount(Number.MAX_SAFE_INTEGER, 'XOF').replace(/\D/g, '')).toBe('9007199254740991')
  expect(formatAmount(Number.MAX_SAFE_INTEGER, 'EUR').replace(/\D/g, '')).toBe('9007199254740991')
})

it('times are those of the zone that the policy names', () => {
  const atMs = Date.UTC(2026, 10, 22, 23, 30)
  expect(formatTime(atMs, 'fr', 'Africa/Dakar')).toContain('23:30')
  expect(formatTime(atMs, 'fr', 'Africa/Porto-Novo')).toMatch(/23\snov.*00:30/)
  expect(formatTime(atMs, 'en', 'Africa/Porto-Novo')).toMatch(/23\sNov.*00:30/)
  expect(formatTime(atMs, 'wo', 'Africa/Dakar')).toContain('23:30')
})

it('a date is not broken across lines, and says its year where it must last', () => {
  const atMs = Date.UTC(2026, 11, 2, 10, 25)
  for (const locale of LOCALES) {
    for (const form of ['time', 'day', 'year'] as const)
      expect(formatTime(atMs, locale, 'Africa/Dakar', form)).not.toContain(' ')
    expect(formatTime(atMs, locale, 'Africa/Dakar', 'year')).toContain('2026')
    expect(formatTime(atMs, locale, 'Africa/Dakar')).not.toContain('2026')
    expect(formatTime(atMs, locale, 'Africa/Dakar', 'time')).toBe('10:25')
  }
})

it('a wallet is recognised by its end, never shown whole', () => {
  expect(maskParty('+221770001234')).toBe('•••• 1234')
  expect(maskParty('+221770001234')).not.toContain('22177')
})
