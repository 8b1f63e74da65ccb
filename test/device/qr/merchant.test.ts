import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc16 } from '../../../src/device/qr/merchant/crc16.ts'
import { piSpiAlias, requestIn, writePiSpiSymbol } from '../../../src/device/qr/merchant/pi-spi.ts'
import { readMerchantSymbol } from '../../../src/device/qr/merchant/symbol.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { COUNTRIES } from '../../../src/protocol/policy.ts'

/** Merchant QR codes: the scheme's published vectors, and whatever a camera may make of them. */
const ALIAS = '3497a720-ab11-4973-9619-534e04f263a1'
const ci = { alias: ALIAS, country: 'CI', isDynamic: false } as const

describe('published vectors', () => {
  it('the catalogue’s check of CRC-16/CCITT-FALSE', () => expect(crc16('123456789')).toBe('29B1'))

  // github.com/pi-spi/qrcode-js, and the worked example of the scheme's specification.
  it.each([
    [
      '00020136560012int.bceao.pi01363497a720-ab11-4973-9619-534e04f263a15204000053039525802CI5901X6001X62210510CAISSE_A01110300063042345',
      { ...ci, reference: 'CAISSE_A01' },
    ],
    [
      '00020136560012int.bceao.pi01363497a720-ab11-4973-9619-534e04f263a1520400005303952540415005802CI5901X6001X62290518Produit-ABC-123654110300063049C73',
      { ...ci, reference: 'Produit-ABC-123654', amount: amountMinor(1500) },
    ],
    [
      '00020136560012int.bceao.pi01363497a720-ab11-4973-9619-534e04f263a15204000053039525405825005802CI5901X6001X62330522Tx-20251112-055052-001110340063041994',
      { ...ci, reference: 'Tx-20251112-055052-001', amount: amountMinor(82_500), isDynamic: true },
    ],
  ])('is written and read as published: %s', (text, request) => {
    expect(writePiSpiSymbol(request)).toBe(text)
    const read = readMerchantSymbol(text)
    if (!read.ok) throw new Error(read.error)
    expect(piSpiAlias(read.value)).toBe(ALIAS)
    expect(read.value).toMatchObject({
      currency: '952',
      country: 'CI',
      merchantName: 'X',
      reference: request.reference,
    })
    expect(read.value.amount).toBe('amount' in request ? String(request.amount) : undefined)
    expect(requestIn(read.value)).toBeUndefined()
  })

  it('of the specification itself, with a channel that is neither, is read', () => {
    const text =
      '00020136560012int.bceao.pi0136111c3e1b-4312-49ec-b75e-4c8c74c10fd7520400005303952540410005802CI5901X6001X62270516F2YG7643D5HH2023110350063049618'
    const read = readMerchantSymbol(text)
    expect(read).toMatchObject({ ok: true, value: { amount: '1000', reference: 'F2YG7643D5HH2023' } })
    expect(read.ok && piSpiAlias(read.value)).toBe('111c3e1b-4312-49ec-b75e-4c8c74c10fd7')
  })
})

const alias = fc.uuid({ version: 4 })
const requests = fc.record({
  alias,
  country: fc.constantFrom(...COUNTRIES),
  amount: fc.integer({ min: 1, max: 50_000_000 }).map(amountMinor),
  reference: fc.stringMatching(/^[ -~]{1,25}$/),
  isDynamic: fc.boolean(),
  request: fc.uint8Array({ minLength: 1, maxLength: 280 }),
})

it('what is written is read, with the request for our own phones', () => {
  fc.assert(
    fc.property(requests, (request) => {
      const read = readMerchantSymbol(writePiSpiSymbol(request))
      if (!read.ok) throw new Error(read.error)
      expect(piSpiAlias(read.value)).toBe(request.alias)
      expect(requestIn(read.value)).toEqual(request.request)
      expect(read.value).toMatchObject({ amount: String(request.amount), country: request.country })
      expect(read.value.reference).toBe(request.reference)
    }),
  )
})

it('one character that was read wrong is damage, and never another amount or another merchant', () => {
  fc.assert(
    fc.property(requests, fc.nat(), fc.stringMatching(/^[ -~]$/), (request, place, char) => {
      const text = writePiSpiSymbol(request)
      const at = place % text.length
      fc.pre(text[at] !== char)
      expect(readMerchantSymbol(text.slice(0, at) + char + text.slice(at + 1)).ok).toBe(false)
    }),
    { numRuns: 2000 },
  )
})

it('whatever a camera reads is answered', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((rest) => `000201${rest}`),
      ),
      (text) => {
        expect(readMerchantSymbol(text)).toMatchObject({ ok: false })
      },
    ),
  )
})

describe('with a checksum that fits, it is damaged all the same', () => {
  const sealed = (body: string) => `${body}6304${crc16(`${body}6304`)}`
  it.each([
    ['without a currency', sealed('00020136560012int.bceao.pi01363497a720-ab11-4973-9619-534e04f263a15802CI')],
    ['without a country', sealed('00020136560012int.bceao.pi01363497a720-ab11-4973-9619-534e04f263a15303952')],
    ['that names nobody', sealed('00020153039525802CI')],
    ['that names its amount twice', sealed('00020136160012int.bceao.pi53039525402105402995802CI')],
    ['longer than it says', sealed('00020136990012int.bceao.pi53039525802CI')],
    ['with an empty object', sealed('0002015200530395236160012int.bceao.pi5802CI')],
  ])('%s', (_, text) => expect(readMerchantSymbol(text)).toEqual({ ok: false, error: 'damaged' }))
})

it('a symbol of another scheme is one, and has no alias of PI-SPI', () => {
  const body = '00020126190015com.example.pay53039525802SN5904Aïda6304'
  const read = readMerchantSymbol(body + crc16(body))
  expect(read).toMatchObject({ ok: true, value: { accounts: [{ scheme: 'com.example.pay' }], merchantName: 'Aïda' } })
  expect(read.ok && piSpiAlias(read.value)).toBeUndefined()
})

it.each([
  ['an alias that is none', { alias: 'W-SHOP' }],
  ['an alias in upper case', { alias: ALIAS.toUpperCase() }],
  ['no reference', { reference: '' }],
  ['a reference of 26 characters', { reference: 'A'.repeat(26) }],
  ['a reference that EMV cannot hold', { reference: 'café' }],
  ['a request that is too long', { request: new Uint8Array(282) }],
  ['an empty request', { request: new Uint8Array() }],
])('%s is not written', (_, over) => {
  expect(() => writePiSpiSymbol({ ...ci, reference: 'A', ...over })).toThrow(RangeError)
})
