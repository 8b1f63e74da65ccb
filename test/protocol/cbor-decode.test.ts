import { isDeepStrictEqual } from 'node:util'
import { decode, encode, Tagged as LibraryTagged, rfc8949EncodeOptions } from 'cborg'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes, fromHex } from '../../src/protocol/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor, MalformedCbor, Tagged } from '../../src/protocol/cbor.ts'
import { CBOR_DEPTH_MAX } from '../../src/protocol/limits.ts'
import { cborValues, fromLibrary } from './cbor-arbitraries.ts'

const STRICT = {
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: false,
  strict: true,
  tags: LibraryTagged.preserve(16, 18),
}

/** @returns what the library makes of bytes that it writes the same way again, and undefined for all others */
function byLibrary(bytes: Uint8Array): CborValue | undefined {
  try {
    const value: unknown = decode(bytes, STRICT)
    return equalBytes(new Uint8Array(encode(value, rfc8949EncodeOptions)), bytes) ? fromLibrary(value) : undefined
  } catch {
    return undefined
  }
}

function byUs(bytes: Uint8Array): CborValue | undefined {
  try {
    return decodeCbor(bytes)
  } catch (error) {
    if (error instanceof MalformedCbor) return undefined
    throw error
  }
}

/** The library goes deeper than we do; in all else the two agree. */
function agree(bytes: Uint8Array): boolean {
  try {
    return isDeepStrictEqual(decodeCbor(bytes), byLibrary(bytes))
  } catch (error) {
    if (!(error instanceof MalformedCbor)) throw error
    return error.message === 'nested too deep' || byLibrary(bytes) === undefined
  }
}

/** An encoding with a few bytes changed, lost, doubled or put in, as damage and attackers do it. */
const damaged = fc
  .tuple(
    cborValues.map((value) => encodeCbor(value)),
    fc.array(
      fc.record({
        kind: fc.constantFrom('set', 'flip', 'insert', 'remove', 'cut', 'double'),
        at: fc.nat(),
        // Heads at the borders of their forms, and any byte.
        byte: fc.oneof(fc.constantFrom(0x18, 0x19, 0x1a, 0x1b, 0x38, 0x58, 0x78, 0x98, 0xa1, 0xd2, 0xf7), fc.nat(255)),
      }),
      { maxLength: 4 },
    ),
  )
  .map(([bytes, faults]) => {
    const all = [...bytes]
    for (const { kind, at, byte } of faults) {
      const place = at % (all.length + 1)
      if (kind === 'set') all[place] = byte
      else if (kind === 'flip') all[place] = (all[place] ?? 0) ^ (1 << (byte & 7))
      else if (kind === 'insert') all.splice(place, 0, byte)
      else if (kind === 'remove') all.splice(place, 1)
      else if (kind === 'cut') all.length = place
      else all.splice(place, 0, ...all.slice(place, place + (byte % 16)))
    }
    return Uint8Array.from(all)
  })

it('takes what the library takes and writes the same way again, and nothing else: damaged encodings', () => {
  let taken = 0
  fc.assert(
    fc.property(damaged, (bytes) => {
      if (byUs(bytes) !== undefined) taken++
      return agree(bytes)
    }),
    { numRuns: 3000 },
  )
  expect(taken).toBeGreaterThan(300)
})

it('takes what the library takes and writes the same way again, and nothing else: any bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 24 }), agree), { numRuns: 10_000 })
})

describe('one value has one encoding', () => {
  it.each([
    ['1 in two bytes', '1801'],
    ['255 in three', '1900ff'],
    ['65 535 in five', '1a0000ffff'],
    ['2^32 - 1 in nine', '1b00000000ffffffff'],
    ['-1 in two', '3800'],
    ['a length in two', '580141'],
    ['keys in the wrong order', 'a202000100'],
    ['keys by length first, as RFC 7049 had it', 'a22000181800'],
    ['a key twice', 'a201000100'],
    ['a key that is a list', 'a18000'],
    ['a key that is a byte string', 'a1410000'],
    ['2^53', '1b0020000000000000'],
    ['-2^53', '3b001fffffffffffff'],
    ['a float for 1', 'f93c00'],
    ['bytes after the value', '0000'],
    ['nothing', ''],
    ['a surrogate in UTF-8', '63eda080'],
    ['an overlong letter', '62c181'],
    ['a text that ends within a letter', '61c3'],
    ['a list of 2^32 items that are not there', '9b0000000100000000'],
    ['a list longer than what is left', '84010203'],
    ['a tag of dates', 'c11a514b67b0'],
    ['tag 16 in two bytes', 'd81000'],
  ])('%s is refused', (_, hex) => {
    expect(() => decodeCbor(fromHex(hex))).toThrow(MalformedCbor)
  })
})

it('keeps a byte order mark, which is a character of the text', () => {
  for (const text of ['\ufeff', `\ufeffé`, `\ufeff${'é'.repeat(60)}`]) expect(decodeCbor(encodeCbor(text))).toBe(text)
})

it('nests as deep as the limit and no deeper, without recursion that an attacker could use', () => {
  const nested = (depth: number) => Uint8Array.from([...Array<number>(depth).fill(0x81), 0x00])
  expect(decodeCbor(nested(CBOR_DEPTH_MAX))).toBeDefined()
  expect(() => decodeCbor(nested(CBOR_DEPTH_MAX + 1))).toThrow(MalformedCbor)
  expect(() => decodeCbor(new Uint8Array(60_000).fill(0x81))).toThrow('nested too deep')
  expect(() => decodeCbor(new Uint8Array(60_000).fill(0xd2))).toThrow('nested too deep')
})

it('what it returns shares no memory with the input, also when that is a Buffer', () => {
  const input = Buffer.from(encodeCbor([new Uint8Array(8).fill(7), new Tagged(18, new Uint8Array(8).fill(7))]))
  const [bytes, tagged] = decodeCbor(input) as [Uint8Array, Tagged]
  input.fill(0)
  expect(bytes).toEqual(new Uint8Array(8).fill(7))
  expect(tagged.value).toEqual(new Uint8Array(8).fill(7))
  expect(bytes.buffer.byteLength).toBe(8)
  expect(Buffer.isBuffer(bytes)).toBe(false)
})
