import { expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'

/** As on a browser that has no method of its own for it. */
const plain = (bytes: Uint8Array) => Object.defineProperty(bytes.slice(), 'toHex', { value: undefined })

it('hex is the same by the runtime’s own method and without it, and reads back', () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  for (const bytes of [new Uint8Array(), all, all.subarray(3, 10)]) {
    expect(toHex(bytes)).toBe(toHex(plain(bytes)))
    expect(fromHex(toHex(bytes))).toEqual(new Uint8Array(bytes))
  }
  expect(toHex(plain(Uint8Array.of(0, 9, 10, 255)))).toBe('00090aff')
})
