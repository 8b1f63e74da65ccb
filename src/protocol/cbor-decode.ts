import { type CborKey, type CborMap, type CborValue, MalformedCbor, Tagged } from './cbor-value.ts'
import { BUNDLE_BYTES_MAX, CBOR_DEPTH_MAX } from './limits.ts'

/**
 * The reading half of the codec: one walk over the bytes that takes the one deterministic encoding of a value and
 * nothing else, so nothing has to be written again to prove what was read. A property test and a fuzzer hold it against
 * the library, which takes more.
 */
const FALSE = 0xf4
const TRUE = 0xf5
const NULL = 0xf6

/** Bytes of a text that are read without the decoder: setting that up costs more than a loop over a few letters. */
const SHORT_TEXT_BYTES = 64
/** `fatal` refuses what is not UTF-8; `ignoreBOM` keeps a byte order mark, which is a character like any other here. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Decodes exactly one deterministically encoded value.
 *
 * @param bytes the whole input; trailing bytes are refused
 * @param bytesMax upper bound of the input's length
 * @returns a value that shares no memory with the input
 * @throws MalformedCbor for anything else, whatever the input: never another error, never deep recursion
 */
export function decodeCbor(bytes: Uint8Array, bytesMax = BUNDLE_BYTES_MAX): CborValue {
  if (bytes.length > bytesMax) throw new MalformedCbor('too long')
  const reader = new Reader(bytes)
  const value = reader.value(0)
  reader.end()
  return value
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new MalformedCbor('trailing bytes')
  }

  /** @param depth containers that this value stands in */
  value(depth: number): CborValue {
    if (depth > CBOR_DEPTH_MAX) throw new MalformedCbor('nested too deep')
    const head = this.#byte()
    switch (head >> 5) {
      case 0:
        return this.#argument(head)
      case 1:
        return this.#negative(head)
      case 2:
        return this.#raw(this.#length(head))
      case 3:
        return this.#text(this.#length(head))
      case 4:
        return this.#list(this.#length(head), depth)
      case 5:
        return this.#map(this.#length(head), depth)
      case 6:
        return this.#tagged(head, depth)
      default:
        return simple(head)
    }
  }

  #list(length: number, depth: number): readonly CborValue[] {
    const items: CborValue[] = []
    for (let i = 0; i < length; i++) items.push(this.value(depth + 1))
    return items
  }

  /** RFC 8949 §4.2.1: keys in the bytewise order of their encodings, which leaves none twice. */
  #map(length: number, depth: number): CborMap {
    const entries = new Map<CborKey, CborValue>()
    let [before, beforeEnd] = [0, 0]
    for (let i = 0; i < length; i++) {
      const start = this.#at
      const key = this.value(depth + 1)
      if (typeof key !== 'number' && typeof key !== 'string') throw new MalformedCbor('a key is a number or a text')
      if (i > 0 && !this.#ascends(before, beforeEnd, start)) throw new MalformedCbor('keys not in order')
      ;[before, beforeEnd] = [start, this.#at]
      entries.set(key, this.value(depth + 1))
    }
    return entries
  }

  /** Whether the encoding that ends here comes after the earlier one. No encoding is the beginning of another. */
  #ascends(before: number, beforeEnd: number, start: number): boolean {
    const length = Math.min(beforeEnd - before, this.#at - start)
    for (let i = 0; i < length; i++) {
      const difference = (this.#bytes[start + i] ?? 0) - (this.#bytes[before + i] ?? 0)
      if (difference !== 0) return difference > 0
    }
    return false
  }

  #tagged(head: number, depth: number): Tagged {
    const tag = this.#argument(head)
    if (tag !== 16 && tag !== 18) throw new MalformedCbor('another tag')
    return new Tagged(tag, this.value(depth + 1))
  }

  #negative(head: number): number {
    const value = -1 - this.#argument(head)
    if (!Number.isSafeInteger(value)) throw new MalformedCbor('not a safe integer')
    return value
  }

  /** Copied: what is kept of an input must not keep all of it alive. `slice` of a Buffer would not copy. */
  #raw(length: number): Uint8Array {
    const start = this.#skip(length)
    return new Uint8Array(this.#bytes.subarray(start, this.#at))
  }

  #text(length: number): string {
    const start = this.#skip(length)
    if (length <= SHORT_TEXT_BYTES) {
      const short = this.#ascii(start)
      if (short !== undefined) return short
    }
    try {
      return utf8.decode(this.#bytes.subarray(start, this.#at))
    } catch {
      throw new MalformedCbor('not UTF-8')
    }
  }

  /** @returns undefined when there is anything but ASCII */
  #ascii(start: number): string | undefined {
    let text = ''
    for (let i = start; i < this.#at; i++) {
      const byte = this.#bytes[i] ?? 0
      if (byte > 0x7f) return undefined
      text += String.fromCharCode(byte)
    }
    return text
  }

  /** Bytes or items that follow. As many bytes must be left, which also bounds what a list of nothing could claim. */
  #length(head: number): number {
    const length = this.#argument(head)
    if (length > this.#bytes.length - this.#at) throw new MalformedCbor('too short')
    return length
  }

  #skip(length: number): number {
    const start = this.#at
    this.#at += length
    return start
  }

  /** RFC 8949 §3: the argument, which must stand in the fewest bytes. */
  #argument(head: number): number {
    const info = head & 31
    if (info < 24) return info
    switch (info) {
      case 24:
        return this.#shortest(1, 24)
      case 25:
        return this.#shortest(2, 0x100)
      case 26:
        return this.#shortest(4, 0x1_0000)
      case 27:
        return this.#shortest(8, 0x1_0000_0000)
      default:
        throw new MalformedCbor('indefinite or reserved length')
    }
  }

  #shortest(size: number, min: number): number {
    let argument = 0
    // By multiplication: shifts would cut at 32 bits.
    for (let i = 0; i < size; i++) argument = argument * 256 + this.#byte()
    if (argument < min) throw new MalformedCbor('not the shortest form')
    if (argument > Number.MAX_SAFE_INTEGER) throw new MalformedCbor('not a safe integer')
    return argument
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new MalformedCbor('too short')
    this.#at++
    return byte
  }
}

function simple(head: number): boolean | null {
  if (head === FALSE) return false
  if (head === TRUE) return true
  if (head === NULL) return null
  throw new MalformedCbor('a float or a simple value')
}
