import { encode, rfc8949EncodeOptions } from 'cborg'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor, encodeCbor, MalformedCbor, Tagged } from '../../src/protocol/cbor.ts'

/** Every value of the subset, with keys and lengths on both sides of each step of a head. */
const integers = fc.oneof(
  fc.maxSafeInteger().filter((value) => !Object.is(value, -0)),
  fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.constantFrom(-1, -24, -25, -256, -257, -65_537, -(2 ** 32), -(2 ** 32) - 1, -Number.MAX_SAFE_INTEGER),
)
const texts = fc.string({ unit: 'binary', maxLength: 300 }).filter((text) => text.isWellFormed())
const { value: values } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'cbor' },
    integers,
    texts,
    fc.constantFrom(true, false, null),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.array(fc.tuple(fc.oneof(integers, texts), tie('value')), { maxLength: 30 }).map((entries) => new Map(entries)),
    tie('value').map((value) => new Tagged(16, value)),
  ),
}))

it('writes what the library writes, byte for byte, and it is read back as it was', () => {
  fc.assert(
    fc.property(values, (value) => {
      const encoded = encodeCbor(value)
      expect(encoded).toEqual(new Uint8Array(encode(value, rfc8949EncodeOptions)))
      expect(decodeCbor(encoded)).toEqual(value)
    }),
    { numRuns: 500 },
  )
})

describe('refuses what could not be read again', () => {
  it.each<[string, unknown]>([
    ['a fraction', 1.5],
    ['a number that is not exact', 2 ** 53],
    ['negative zero', -0],
    ['not a number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['undefined', undefined],
    ['a hole of a list', new Array(1)],
    ['a big integer', 1n],
    ['an object', { a: 1 }],
    ['a date', new Date(0)],
    ['a function', () => 1],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate after text', 'é\udc00'],
    ['a lone surrogate as a key', new Map([['\ud800', 1]])],
    ['another array of numbers', new Uint16Array(1)],
  ])('%s', (_, value) => {
    for (const inside of [value, [value], new Map([[1, value]]), new Tagged(16, value)]) {
      expect(() => encodeCbor(inside as CborValue)).toThrow(MalformedCbor)
    }
  })
})

it('answers with bytes of its own, that share memory with nothing', () => {
  const encoded = encodeCbor(['abc', new Uint8Array(40)])
  expect(encoded.buffer.byteLength).toBe(encoded.length)
})
