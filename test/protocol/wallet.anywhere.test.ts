import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isParty } from '../../src/protocol/ids.ts'
import { canonicalWallet, isCanonicalWallet, type WalletFault } from '../../src/protocol/wallet.ts'

describe('a wallet id has one form', () => {
  const NUMBER = '+221770000001'
  it.each([
    '+221770000001',
    '00221770000001',
    '221770000001',
    '221 77-000-00-01',
    '+221 77 000 00 01',
    '(+221) 77.000.00.01',
    'tel:+221770000001',
    'TEL:+221-77-000-00-01',
    '\u2068+221 77 000 00 01\u2069',
    '+221\u00a077\u202f000\u201100\u201101',
    '\ufeff+221770000001\u200e',
    '\uff0b\uff12\uff12\uff11770000001',
    '  +221770000001\n',
  ])('whatever way the number is written: %j', (text) => {
    expect(canonicalWallet(text)).toEqual({ ok: true, value: NUMBER })
  })

  it.each([
    ['SN', '77 000 00 01', '+221770000001'],
    ['CI', '07 00 00 00 01', '+2250700000001'],
    ['ML', '70 00 00 01', '+22370000001'],
    ['BF', '70 00 00 01', '+22670000001'],
    ['TG', '90 00 00 01', '+22890000001'],
    ['BJ', '01 97 00 00 01', '+2290197000001'],
  ])(
    'a number of %s without its calling code is one of there only when the country is known',
    (country, text, form) => {
      expect(canonicalWallet(text, country)).toEqual({ ok: true, value: form })
      expect(canonicalWallet(form, country)).toEqual({ ok: true, value: form })
      expect(canonicalWallet(form.replace('+', '00'))).toEqual({ ok: true, value: form })
      expect(canonicalWallet(text)).toEqual({ ok: false, error: 'number' })
    },
  )

  it.each(['W-SN-C950', 'shop-12', 'M.042_b', '1042', '12-34'])('an id that is no number stays: %s', (id) => {
    expect(canonicalWallet(id)).toEqual({ ok: true, value: id })
    expect(canonicalWallet(` \u2068${id}\u2069 `)).toEqual({ ok: true, value: id })
  })

  it('a UUID is in lower case, with digits alone too', () => {
    const ids = ['9B2F1C00-6D1E-4E0A-9C39-00000000ABCD', '11111111-1111-4111-8111-111111111111']
    for (const id of ids) expect(canonicalWallet(id)).toEqual({ ok: true, value: id.toLowerCase() })
  })

  it('a canonical text stays as it is, and fits the wire', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: fc.constantFrom(...'+0122579- ().tel:\u2068') }),
      fc.constantFrom('221', '225', '229', '00').chain((code) => fc.stringMatching(/^\d{6,12}$/).map((d) => code + d)),
    )
    const country = fc.constantFrom('SN', 'CI', 'BJ', undefined)
    fc.assert(
      fc.property(text, country, (text, country) => {
        const once = canonicalWallet(text, country)
        if (!once.ok) return
        expect(isParty(once.value)).toBe(true)
        expect(isCanonicalWallet(once.value)).toBe(true)
        expect(canonicalWallet(once.value, country)).toEqual(once)
      }),
    )
  })
})

describe('what names no wallet is refused with the reason', () => {
  it.each<[WalletFault, string]>([
    ['empty', ''],
    ['empty', ' \u2068\u2069 '],
    ['link', 'WIFI:T:WPA;P:secret;S:shop;;'],
    ['link', 'https://pay.example/221770000001'],
    ['link', 'mailto:awa@example.sn'],
    ['link', 'system:treasury:XOF'],
    ['old_number', '+229 97 00 00 01'],
    ['old_number', '22997000001'],
    ['old_number', '+225 07 00 00 01'],
    ['number', '+221 77 000 00 0'],
    ['number', '+221 77 000 00 011'],
    ['number', '+22177000000l'],
    ['number', 'tel:awa'],
    ['number', 'tel:+221770000001;ext=3'],
    ['number', '3017620422003'],
    ['number', '+229 02 97 00 00 01'],
    ['number', '+'],
    ['foreign_number', '+33 6 12 34 56 78'],
    ['foreign_number', '0033612345678'],
    ['characters', 'shop 12'],
    ['characters', 'dépôt'],
    ['characters', '٧٧٠٠٠٠٠٠١'],
    ['characters', 'x'.repeat(65)],
  ])('%s: %j', (fault, text) => {
    expect(canonicalWallet(text)).toEqual({ ok: false, error: fault })
    expect(isCanonicalWallet(text)).toBe(false)
  })

  it('an old number of the own country too', () => {
    expect(canonicalWallet('97 00 00 01', 'BJ')).toEqual({ ok: false, error: 'old_number' })
  })
})
