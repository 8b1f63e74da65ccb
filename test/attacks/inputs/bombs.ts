import { concatBytes, fromHex, utf8 } from '../../../src/protocol/bytes.ts'

/** Inputs that cost whoever reads them carelessly his stack, memory or time. */
export const CBOR_BOMBS: readonly (readonly [what: string, bytes: () => Uint8Array])[] = [
  ['lists in lists, 60 000 deep', () => new Uint8Array(60_000).fill(0x81)],
  ['maps in maps, 30 000 deep', () => new Uint8Array(60_000).map((_, i) => (i % 2 ? 0x00 : 0xa1))],
  ['tags in tags, 60 000 deep', () => new Uint8Array(60_000).fill(0xc0)],
  ['a list of 2^32 items', () => fromHex('d29affffffff')],
  ['a list of 2^64 items', () => fromHex('d29bffffffffffffffff')],
  ['a map of 2^32 pairs', () => fromHex('d2baffffffff')],
  ['a byte string of 2^64 bytes', () => fromHex('d2845bffffffffffffffff')],
  ['a text that never ends', () => concatBytes(fromHex('d27f'), new Uint8Array(60_000).fill(0x61))],
  ['60 000 empty lists', () => concatBytes(fromHex('d299ea60'), new Uint8Array(60_000).fill(0x80))],
]

export const JSON_BOMBS: readonly (readonly [what: string, bytes: () => Uint8Array])[] = [
  ['lists in lists, 30 000 deep', () => utf8(`${'['.repeat(30_000)}${']'.repeat(30_000)}`)],
  [
    '5 000 unknown members',
    () => utf8(JSON.stringify(Object.fromEntries([...Array(5_000).keys()].map((i) => [`k${i}`, i])))),
  ],
  ['a number of 60 000 digits', () => utf8(`{"reason":${'9'.repeat(60_000)}}`)],
]
