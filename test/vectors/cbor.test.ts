import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from '../../src/protocol/cbor.ts'

/** The examples of RFC 8949 appendix A as cborg ships them (see README.md); not among its `exports`, so by path. */
interface Fixture {
  readonly hex: string
  readonly decoded?: unknown
  readonly diagnostic?: string
}
const appendixA = new URL('./test/appendix_a.js', import.meta.resolve('cborg')).href
const { fixtures } = (await import(appendixA)) as { fixtures: readonly Fixture[] }

/** The examples that are CBOR but not of our subset. Everything else in the appendix has to round-trip. */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  'an integer beyond 2^53-1': ['1bffffffffffffffff', '3bffffffffffffffff'],
  'a bignum': ['c249010000000000000000', 'c349010000000000000000'],
  'a float': [
    ...['f90000', 'f98000', 'f93c00', 'fb3ff199999999999a', 'f93e00', 'f97bff', 'fa47c35000', 'fa7f7fffff'],
    ...['fb7e37e43c8800759c', 'f90001', 'f90400', 'f9c400', 'fbc010666666666666'],
  ],
  'a float that is not a number or not finite': [
    ...['f97c00', 'f97e00', 'f9fc00', 'fa7f800000', 'fa7fc00000', 'faff800000'],
    ...['fb7ff0000000000000', 'fb7ff8000000000000', 'fbfff0000000000000'],
  ],
  undefined: ['f7'],
  'another simple value': ['f0', 'f818', 'f8ff'],
  'a tag other than 16 and 18': [
    ...['c074323031332d30332d32315432303a30343a30305a', 'c11a514b67b0', 'c1fb41d452d9ec200000', 'd74401020304'],
    ...['d818456449455446', 'd82076687474703a2f2f7777772e6578616d706c652e636f6d'],
  ],
  'an indefinite length': [
    ...['5f42010243030405ff', '7f657374726561646d696e67ff', '9fff', '9f018202039f0405ffff', '9f01820203820405ff'],
    ...['83018202039f0405ff', '83019f0203ff820405', 'bf61610161629f0203ffff', '826161bf61626163ff'],
    ...['9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff', 'bf6346756ef563416d7421ff'],
  ],
}
const outside = Object.entries(OUTSIDE).flatMap(([why, examples]) => examples.map((hex) => [hex, why] as const))
const inside = fixtures.filter(({ hex }) => !outside.some(([refused]) => refused === hex))

/** Values that the fixtures give in diagnostic notation only. */
const DIAGNOSTIC: Readonly<Record<string, CborValue>> = {
  "h''": new Uint8Array(),
  "h'01020304'": Uint8Array.of(1, 2, 3, 4),
  '{1: 2, 3: 4}': new Map([
    [1, 2],
    [3, 4],
  ]),
}

describe('RFC 8949 appendix A', () => {
  it('has 82 examples, all of them classified: 35 of our subset, 47 not', () => {
    expect(fixtures).toHaveLength(82)
    expect(inside).toHaveLength(35)
    const known = new Set(fixtures.map(({ hex }) => hex))
    expect(outside.filter(([hex]) => known.has(hex))).toHaveLength(47)
    expect(outside).toHaveLength(47)
  })

  it.each(inside.map((fixture) => [fixture.hex, fixture] as const))(
    '%s reads as its value and is written as the same bytes',
    (hex, fixture) => {
      const value = decodeCbor(fromHex(hex))
      expect(value).toStrictEqual(expected(fixture))
      expect(toHex(encodeCbor(value))).toBe(hex)
      expect(toHex(encodeCbor(expected(fixture)))).toBe(hex)
    },
  )

  it.each(outside)('%s is refused: %s', (hex) => {
    expect(() => decodeCbor(fromHex(hex))).toThrow(MalformedCbor)
  })
})

/** RFC 8949 appendix F.1, "Examples of CBOR Data Items That Are Not Well-Formed", all of them. */
const NOT_WELL_FORMED: Readonly<Record<string, string>> = {
  'end of input in a head':
    '18 19 1a 1b 1901 1a0102 1b01020304050607 38 58 78 98 9a01ff00 b8 d8 f8 f900 fa0000 fb000000',
  'definite-length string with short data':
    '41 61 5affffffff00 5bffffffffffffffff010203 7affffffff00 7b7fffffffffffffff010203',
  'definite-length map or array with too few items': '81 818181818181818181 8200 a1 a20102 a100 a2000000',
  'tag number without content': 'c0',
  'indefinite-length string not closed': '5f4100 7f6100',
  'indefinite-length map or array not closed':
    '9f 9f0102 bf bf01020102 819f 9f8000 9f9f9f9f9fffffffff 9f819f819f9fffffff',
  'reserved additional information': '1c 1d 1e 3c 3d 3e 5c 5d 5e 7c 7d 7e 9c 9d 9e bc bd be dc dd de fc fd fe',
  'reserved two-byte simple value': 'f800 f801 f818 f81f',
  'indefinite-length string chunk of the wrong type': '5f00ff 5f21ff 5f6100ff 5f80ff 5fa0ff 5fc000ff 5fe0ff 7f4100ff',
  'indefinite-length string chunk not of definite length': '5f5f4100ffff 7f7f6100ffff',
  'break on its own': 'ff',
  'break in a definite-length array or map or a tag':
    '81ff 8200ff a1ff a1ff00 a100ff a20000ff 9f81ff 9f829f819f9fffffffff',
  'break in the value position of an indefinite-length map': 'bf00ff bf000000ff',
  'major type 0, 1 or 6 with additional information 31': '1f 3f df',
}
const notWellFormed = Object.entries(NOT_WELL_FORMED).flatMap(([why, examples]) =>
  examples.split(' ').map((hex) => [hex, why] as const),
)

describe('RFC 8949 appendix F.1', () => {
  it('has 94 examples', () => {
    expect(notWellFormed).toHaveLength(94)
  })

  it.each(notWellFormed)('%s is refused: %s', (hex) => {
    expect(() => decodeCbor(fromHex(hex))).toThrow(MalformedCbor)
  })
})

/** The fixtures have plain objects where we have maps. */
function expected({ diagnostic, decoded }: Fixture): CborValue {
  if (diagnostic !== undefined) {
    const value = DIAGNOSTIC[diagnostic]
    if (value === undefined) throw new Error(`no value for ${diagnostic}`)
    return value
  }
  return asMaps(decoded)
}

function asMaps(value: unknown): CborValue {
  if (Array.isArray(value)) return value.map(asMaps)
  if (value === null || typeof value !== 'object') return value as CborValue
  return new Map(Object.entries(value).map(([key, inner]) => [key, asMaps(inner)]))
}
