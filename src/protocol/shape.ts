import { type CborKey, type CborMap, type CborValue, MalformedCbor, Tagged } from './cbor.ts'
import { type Currency, isCurrency } from './money.ts'

/**
 * Readers that turn a decoded CBOR value into the type its place asks for and refuse everything else. `what` names the
 * place in the error, never the value: errors are logged, and values may be personal.
 */
export function uint(value: CborValue | undefined, what: string, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || value < 0 || value > max) throw new MalformedCbor(what)
  return value
}

export function positive(value: CborValue | undefined, what: string, max = Number.MAX_SAFE_INTEGER): number {
  if (uint(value, what, max) === 0) throw new MalformedCbor(what)
  return value as number
}

export function int(value: CborValue | undefined, what: string): number {
  if (typeof value !== 'number') throw new MalformedCbor(what)
  return value
}

/** @param charsMax Unicode characters (code points), where a string's length counts units of UTF-16 */
export function text(value: CborValue | undefined, what: string, charsMax: number): string {
  if (typeof value !== 'string' || value.length === 0 || !hasCharsAtMost(value, charsMax)) throw new MalformedCbor(what)
  return value
}

/** Whether a text has no more Unicode characters (code points) than this. */
export function hasCharsAtMost(text: string, charsMax: number): boolean {
  if (text.length <= charsMax) return true
  return text.length <= 2 * charsMax && [...text].length <= charsMax
}

export function currencyCode(value: CborValue | undefined, what: string): Currency {
  if (!isCurrency(value)) throw new MalformedCbor(what)
  return value
}

export function bool(value: CborValue | undefined, what: string): boolean {
  if (typeof value !== 'boolean') throw new MalformedCbor(what)
  return value
}

/** @param size exact length in bytes, or `{ max }` */
export function bytes(value: CborValue | undefined, what: string, size: number | { max: number }): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new MalformedCbor(what)
  if (typeof size === 'number' ? value.length !== size : value.length > size.max) throw new MalformedCbor(what)
  return value
}

export function list(value: CborValue | undefined, what: string, min: number, max: number): readonly CborValue[] {
  if (!Array.isArray(value) || value.length < min || value.length > max) throw new MalformedCbor(what)
  return value
}

/** A map with all of `required`, any of `optional`, and nothing else: unknown keys are refused. */
export function map(
  value: CborValue | undefined,
  what: string,
  required: readonly CborKey[],
  optional: readonly CborKey[] = [],
): CborMap {
  if (!(value instanceof Map)) throw new MalformedCbor(what)
  for (const key of required) if (!value.has(key)) throw new MalformedCbor(`${what}.${key}`)
  for (const key of value.keys()) {
    if (!required.includes(key) && !optional.includes(key)) throw new MalformedCbor(`${what}: unknown key`)
  }
  return value
}

export function tagged(value: CborValue | undefined, what: string, tag: number): CborValue {
  if (!(value instanceof Tagged) || value.tag !== tag) throw new MalformedCbor(what)
  return value.value
}

/** One of a list whose index is its number on the wire. */
export function oneOf<T extends string>(value: CborValue | undefined, what: string, names: readonly T[]): T {
  const name = names[uint(value, what)]
  if (name === undefined) throw new MalformedCbor(what)
  return name
}
