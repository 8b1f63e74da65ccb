import { encode, rfc8949EncodeOptions } from 'cborg'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor, encodeCbor, joinLists, MalformedCbor, Tagged } from '../../src/protocol/cbor.ts'
import { asLibrary, cborValues } from './cbor-arbitraries.ts'

it('writes what the library writes, byte for byte, and it is read back as it was', () => {
  fc.assert(
    fc.property(cborValues, (value) => {
      const encoded = encodeCbor(value)
      expect(encoded).toEqual(new Uint8Array(encode(asLibrary(value) as CborValue, rfc8949EncodeOptions)))
      expect(decodeCbor(encoded)).toEqual(value)
    }),
    { numRuns: 500 },
  )
})

it('lists that are joined unread are the list of all their items, whatever the length of its head', () => {
  const items = fc.array(fc.oneof(fc.nat(70_000), fc.constant('x')), { maxLength: 150 })
  fc.assert(
    fc.property(fc.array(items, { maxLength: 4 }), (lists) => {
      const { bytes } = joinLists(lists.map((list) => encodeCbor(list)))
      expect(bytes).toEqual(encodeCbor(lists.flat()))
    }),
  )
  for (const length of [0, 23, 24, 255, 256, 500]) {
    const list = Array<number>(length).fill(7)
    expect(joinLists([encodeCbor(list)]).bytes, `${length}`).toEqual(encodeCbor(list))
    expect(encodeCbor(new Map([[3, joinLists([encodeCbor(list)])]]))).toEqual(encodeCbor(new Map([[3, list]])))
  }
  for (const other of [new Uint8Array(), encodeCbor(1), encodeCbor(new Map()), encodeCbor(new Uint8Array(3))]) {
    expect(() => joinLists([other])).toThrow(MalformedCbor)
  }
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
    for (const inside of [value, [value], new Map([[1, value]]), new Tagged(16, value as CborValue)]) {
      expect(() => encodeCbor(inside as CborValue)).toThrow(MalformedCbor)
    }
  })
})

it('answers with bytes of its own, that share memory with nothing', () => {
  const encoded = encodeCbor(['abc', new Uint8Array(40)])
  expect(encoded.buffer.byteLength).toBe(encoded.length)
})
