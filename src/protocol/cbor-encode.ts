import { compareBytes } from './bytes.ts'
import { type CborKey, type CborMap, type CborValue, Encoded, MalformedCbor, Tagged } from './cbor-value.ts'

/**
 * The writing half of the codec: one walk over the value, straight into one buffer. The library's encoder makes an object
 * of each item first, and took a tenth of all that a push costs. A property test holds the two against each other.
 */
const MAJOR = { uint: 0, negative: 1, bytes: 2, text: 3, list: 4, map: 5, tag: 6 } as const
const [FALSE, TRUE, NULL] = [0xf4, 0xf5, 0xf6]

/** With the `u` flag a surrogate is matched only where it stands alone; `isWellFormed` is missing on older runtimes. */
const LONE_SURROGATE = /\p{Surrogate}/u
const utf8 = new TextEncoder()

/**
 * Encodes a value deterministically (RFC 8949 §4.2.1): shortest integers, map keys sorted bytewise by their encoding.
 *
 * @throws MalformedCbor for what `decodeCbor` would refuse: nothing unreadable is ever signed
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = new Writer()
  writer.value(value)
  return writer.take()
}

/**
 * One list of the items of several, without reading any of them.
 *
 * @param lists encoded lists of fewer than 65 536 items each, as `encodeCbor` writes them
 */
export function joinLists(lists: readonly Uint8Array[]): Encoded {
  const parts = lists.map((list) => ({ list, ...listHead(list) }))
  const writer = new Writer()
  writer.list(
    parts.reduce((total, { count }) => total + count, 0),
    parts.map(({ list, bytes }) => list.subarray(bytes)),
  )
  return new Encoded(writer.take())
}

/** How many items a list has, and how many bytes say so. @throws MalformedCbor when these bytes are no list */
function listHead(list: Uint8Array): { readonly count: number; readonly bytes: number } {
  const [head = 0, first = 0, second = 0] = list
  if (head >> 5 !== MAJOR.list || (head & 31) > 25) throw new MalformedCbor('not a list')
  const info = head & 31
  if (info < 24) return { count: info, bytes: 1 }
  return info === 24 ? { count: first, bytes: 2 } : { count: first * 256 + second, bytes: 3 }
}

class Writer {
  #bytes = new Uint8Array(256)
  #at = 0

  /** Copied, so that no answer keeps a larger buffer alive. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at)
  }

  value(value: CborValue): void {
    if (typeof value === 'number') this.#integer(value)
    else if (typeof value === 'string') this.#text(value)
    else if (value === null) this.#byte(NULL)
    else if (typeof value === 'boolean') this.#byte(value ? TRUE : FALSE)
    else if (value instanceof Uint8Array) this.#raw(MAJOR.bytes, value)
    else if (Array.isArray(value)) this.#list(value)
    else if (value instanceof Map) this.#map(value)
    else if (value instanceof Tagged) {
      this.#head(MAJOR.tag, value.tag)
      this.value(value.value)
    } else if (value instanceof Encoded) this.#append(value.bytes)
    else throw new MalformedCbor('not of this subset')
  }

  /** @param items encoded, any number of them in each part */
  list(count: number, items: readonly Uint8Array[]): void {
    this.#head(MAJOR.list, count)
    for (const part of items) this.#append(part)
  }

  #integer(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new MalformedCbor('not a safe integer')
    if (value >= 0) this.#head(MAJOR.uint, value)
    else this.#head(MAJOR.negative, -1 - value)
  }

  #list(items: readonly CborValue[]): void {
    this.#head(MAJOR.list, items.length)
    // By index: a hole is undefined, and refused.
    for (let i = 0; i < items.length; i++) this.value(items[i] as CborValue)
  }

  #map(entries: CborMap): void {
    this.#head(MAJOR.map, entries.size)
    const sorted = [...entries].map(([key, value]) => ({ key: encodedKey(key), value }))
    sorted.sort((a, b) => compareBytes(a.key, b.key))
    for (const { key, value } of sorted) {
      this.#append(key)
      this.value(value)
    }
  }

  #text(value: string): void {
    const { length } = value
    this.#reserve(length + 9)
    const start = this.#at
    this.#head(MAJOR.text, length)
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) {
        this.#at = start
        this.#unicode(value)
        return
      }
      this.#bytes[this.#at++] = code
    }
  }

  #unicode(value: string): void {
    if (LONE_SURROGATE.test(value)) throw new MalformedCbor('not well-formed Unicode')
    this.#raw(MAJOR.text, utf8.encode(value))
  }

  #raw(major: number, bytes: Uint8Array): void {
    this.#head(major, bytes.length)
    this.#append(bytes)
  }

  /** RFC 8949 §3: the argument in the fewest bytes. */
  #head(major: number, argument: number): void {
    this.#reserve(9)
    const type = major << 5
    if (argument < 24) this.#bytes[this.#at++] = type | argument
    else if (argument < 0x100) this.#argument(type | 24, argument, 1)
    else if (argument < 0x1_0000) this.#argument(type | 25, argument, 2)
    else if (argument < 0x1_0000_0000) this.#argument(type | 26, argument, 4)
    else this.#argument(type | 27, argument, 8)
  }

  #argument(head: number, argument: number, length: number): void {
    this.#bytes[this.#at] = head
    // By division: shifts would cut at 32 bits.
    for (let i = length, rest = argument; i > 0; i--, rest = Math.floor(rest / 256)) this.#bytes[this.#at + i] = rest
    this.#at += length + 1
  }

  #byte(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = byte
  }

  #append(bytes: Uint8Array): void {
    const { length } = bytes
    this.#reserve(length)
    // Ids and keys are short, and setting up the copy of a few bytes costs more than the loop.
    if (length > 32) this.#bytes.set(bytes, this.#at)
    else for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = bytes[i] ?? 0
    this.#at += length
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + length))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }
}

/** A protocol has few keys, and each message has them again: what is above this many is encoded each time. */
const KEYS_MAX = 500
const encodedKeys = new Map<CborKey, Uint8Array>()

function encodedKey(key: CborKey): Uint8Array {
  const known = encodedKeys.get(key)
  if (known !== undefined) return known
  const encoded = encodeCbor(key)
  // A map takes -0 for 0, and -0 is refused.
  if (key !== 0 && encodedKeys.size < KEYS_MAX) encodedKeys.set(key, encoded)
  return encoded
}
