/**
 * CBOR in deterministic encoding (RFC 8949 §4.2.1), the subset this protocol uses: integers, byte and text strings,
 * arrays, maps, booleans, null, and tags 16 and 18. One value has one encoding, so bytes can be signed and compared.
 */
export type CborKey = number | string
export type CborMap = ReadonlyMap<CborKey, CborValue>
export type CborValue =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | CborMap
  | Tagged
  | Encoded

/** A value under a tag: 16 is a COSE_Encrypt0, 18 a COSE_Sign1. */
export class Tagged {
  readonly tag: number
  readonly value: CborValue

  constructor(tag: number, value: CborValue) {
    this.tag = tag
    this.value = value
  }
}

/** A value that is encoded already: written as it is, and never read. Whoever makes it answers for the bytes. */
export class Encoded {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** The bytes are not deterministic CBOR of our subset, or a value does not have the shape its place asks for. */
export class MalformedCbor extends Error {
  override name = 'MalformedCbor'
}
