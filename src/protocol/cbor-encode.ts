import { compareBytes } from './bytes.ts'
import { type CborKey, type CborMap, type CborValue, MalformedCbor, Tagged } from './cbor-value.ts'

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
    } else throw new MalformedCbor('not of this subset')
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

const encodedKey = (key: CborKey): Uint8Array => encodeCbor(key)
