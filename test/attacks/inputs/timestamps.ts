import type { ProblemCode } from '../../../src/protocol/problems.ts'

/** Times that are none, or are not now. CBOR as hex. */
type Time = readonly [what: string, hex: string, code: ProblemCode]
const malformed = (what: string, hex: string): Time => [what, hex, 'malformed_bundle']

/** `iat` of a signed header: seconds, unsigned, the device's clock when it signed. */
export const SIGNED_AT: readonly Time[] = [
  malformed('negative', '3a6553f100'),
  malformed('a double', 'fb41d954fc40000000'),
  malformed('a whole number as single', 'fa4eca8000'),
  malformed('text', '6a31373930303030303030'),
  malformed('RFC 3339 text', '74323032362d31312d32335430303a30303a30305a'),
  malformed('a tagged epoch time', 'c11a6ab13b80'),
  malformed('bytes', '446ab13b80'),
  malformed('null', 'f6'),
  malformed('true', 'f5'),
  malformed('a list', '811a6ab13b80'),
  malformed('longer than needed', '1b000000006ab13b80'),
  malformed('2^40 + 1', '1b0000010000000001'),
  malformed('2^53', '1b0020000000000000'),
  malformed('2^64 - 1', '1bffffffffffffffff'),
  malformed('a bignum', 'c2446ab13b80'),
  malformed('not a number', 'f97e00'),
  malformed('infinity', 'f97c00'),
  malformed('minus zero', 'f98000'),
  ['1970', '00', 'clock_skew'],
  ['1970, one second', '01', 'clock_skew'],
  ['2001', '1a3b9aca00', 'clock_skew'],
  ['the end of 32-bit time', '1a7fffffff', 'clock_skew'],
  ['2106', '1affffffff', 'clock_skew'],
  ['milliseconds instead of seconds', '1b000001a0d8a4c400', 'malformed_bundle'],
  ['2^40', '1b0000010000000000', 'clock_skew'],
]

/** `base_time` of what is sealed. */
export const BASE_TIMES: readonly (readonly [what: string, hex: string])[] = [
  ['negative', '20'],
  ['a double', 'fb41d954fc40000000'],
  ['text', '6a31373930303030303030'],
  ['bytes', '446ab13b80'],
  ['null', 'f6'],
  ['2^40 + 1', '1b0000010000000001'],
  ['2^64 - 1', '1bffffffffffffffff'],
  ['longer than needed', '1b000000006ab13b80'],
  ['a tagged epoch time', 'c11a6ab13b80'],
]

/** Query texts where UTC milliseconds, or another number, are asked for. */
export const QUERY_TIMES: readonly string[] = [
  ...['-1', '1.5', '2026-11-23', 'now', 'NaN', 'Infinity', '9007199254740992'],
  ...['', '%20', '%2010', '10%20', '%0A', '0x10', '0b1', '1e3', '1_000', '%2B1', '-0', '١٢', 'null', 'true', '1,2'],
]
