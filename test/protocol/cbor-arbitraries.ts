import { Tagged as LibraryTagged } from 'cborg'
import fc from 'fast-check'
import { type CborKey, type CborValue, Tagged } from '../../src/protocol/cbor.ts'

/** Every value of the subset, with keys and lengths on both sides of each step of a head. */
const integers = fc.oneof(
  fc.maxSafeInteger().filter((value) => !Object.is(value, -0)),
  fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.constantFrom(-1, -24, -25, -256, -257, -65_537, -(2 ** 32), -(2 ** 32) - 1, -Number.MAX_SAFE_INTEGER),
)
const texts = fc.string({ unit: 'binary', maxLength: 300 }).filter((text) => text.isWellFormed())
export const { value: cborValues } = fc.letrec<{ value: CborValue }>((tie) => ({
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

/** The library has a class of its own for tags. */
export function asLibrary(value: CborValue): unknown {
  if (value instanceof Tagged) return new LibraryTagged(value.tag, asLibrary(value.value))
  if (Array.isArray(value)) return value.map(asLibrary)
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, asLibrary(inner as CborValue)]))
  return value
}

/** @throws TypeError for what the library takes and our subset has not: fractions, and keys that are neither numbers nor texts */
export function fromLibrary(value: unknown): CborValue {
  if (value instanceof LibraryTagged) return new Tagged(value.tag, fromLibrary(value.value))
  if (Array.isArray(value)) return value.map(fromLibrary)
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [keyOf(key), fromLibrary(inner)]))
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new TypeError('a fraction')
  return value instanceof Uint8Array ? new Uint8Array(value) : (value as CborValue)
}

function keyOf(key: unknown): CborKey {
  if (typeof key === 'number' || typeof key === 'string') return key
  throw new TypeError('a key of another type')
}
