import { describe, expect, it } from 'vitest'
import { masked } from '../../../src/edge/routes/masked.ts'

/** What people write as a reason is kept in the audit log, in D1 and in the book: nobody can be named in it. */
describe('is taken out', () => {
  it.each([
    ['as one writes it in Dakar', '77 123 45 67'],
    ['international', '+221 77 123 45 67'],
    ['with zeros', '00221771234567'],
    ['in one', '771234567'],
    ['with slashes', '77/123/45/67'],
    ['with spaced dashes', '77 - 123 - 45 - 67'],
    ['with underscores', '77_123_45_67'],
    ['with commas', '77,123,45,67'],
    ['with dots and brackets', '(+221) 77.123.45.67'],
    ['with hyphens that do not break', '77\u2011123\u201145\u201167'],
    ['with en dashes', '77–123–45–67'],
    ['with spaces that do not break', '77\u00a0123\u202f45\u200767'],
    ['with characters that nobody sees', '77\u200b123\u206045\ufeff67'],
    ['on two lines', '77 123\n45 67'],
    ['with stars', '77*123*45*67'],
    ['digit by digit', '7 7 1 2 3 4 5 6 7'],
    ['in Arabic digits', '٧٧ ١٢٣ ٤٥ ٦٧'],
    ['in Persian digits', '۷۷۱۲۳۴۵۶۷'],
    ['in N’Ko digits', '߇߇ ߁߂߃ ߄߅ ߆߇'],
    ['in digits of full width', '７７１２３４５６７'],
    ['in digits of two scripts', '77 ١٢٣ 45 67'],
    ['in circles', '⑦⑦①②③④⑤⑥⑦'],
    ['on keys', '7️⃣7️⃣1️⃣2️⃣3️⃣4️⃣'],
    ['behind a date', '2026-11-28 77 123 45 67'],
    ['as a link', 'tel:+221-77-123-45-67'],
  ])('a number %s', (_, number) => {
    expect(masked(`called ${number} twice`)).toMatch(/^called (tel:)?\*\*\* twice$/)
  })

  it.each([
    'awa@example.sn',
    'awa.diop+shop@example.sn',
    'W-SN-C910',
    'w-sn-c910',
    'W-FATOU',
    'W-221770001122',
    '0b6f2d2e-1c0a-4f6e-9d55-2f2c8a1f7a10',
    '0B6F2D2E-1C0A-4F6E-9D55-2F2C8A1F7A10',
    '00000000000000000771234567',
  ])('%s', (name) => {
    expect(masked(`known as ${name} or so`)).toBe('known as *** or so')
  })
})

describe('stays', () => {
  it.each([
    'called the merchant, who has the receipt',
    'same as payment POS-001/42, till 3',
    '01ARZ3NDEKTSV4RRFFQ69G5FAV was pushed twice',
    'goods came back on 2026-11-28',
    'goods came back on 2026-11-28 10:15',
    'from 2026-11-27 to 2026-11-28',
    'paid 2 500 and not 25 000 F CFA',
    'le client a rendu l’article n° 12',
    'l’agent K-7 et l’étage 3',
  ])('%s', (text) => {
    expect(masked(text)).toBe(text)
  })
})
