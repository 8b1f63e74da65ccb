import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fromBase45, toBase45 } from '../../../src/device/qr/base45.ts'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const ascii = (value: string) => new TextEncoder().encode(value)

it.each([
  ['AB', 'BB8'],
  ['Hello!!', '%69 VD92EX0'],
  ['base-45', 'UJCLQE7W581'],
  ['ietf!', 'QED8WEX0'],
])('%s is %s, as RFC 9285 §4.3–4.4 has it', (plain, encoded) => {
  expect(toBase45(ascii(plain))).toBe(encoded)
  expect(text(fromBase45(encoded) ?? new Uint8Array())).toBe(plain)
})

it('any bytes come back as they were, in the characters of alphanumeric mode, never ending in a space', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      const encoded = toBase45(bytes)
      expect(encoded).toMatch(/^[0-9A-Z $%*+\-./:]*$/)
      // What trims white space at the end of a text cannot harm it.
      expect(encoded).not.toMatch(/ $/)
      expect(fromBase45(encoded)).toEqual(bytes)
    }),
  )
})

it.each([
  ['65 536 in three characters (RFC 9285 §6)', 'GGW'],
  ['the highest three characters', ':::'],
  ['256 in two characters', 'V5'],
  ['one character over', 'BB8B'],
  ['a single character', 'A'],
  ['lower case', 'bb8'],
  ['a character of no alphabet', 'BB_'],
  ['a line break', 'BB\n'],
  ['a letter of two UTF-16 units', '😀A'],
])('%s is no base45', (_, encoded) => {
  expect(fromBase45(encoded)).toBeUndefined()
})

it('no two texts mean the same bytes', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9A-Z $%*+\-./:]{0,30}$/), (encoded) => {
      const bytes = fromBase45(encoded)
      if (bytes) expect(toBase45(bytes)).toBe(encoded)
    }),
  )
})
