import { decodeCbor } from '../../src/protocol/cbor.ts'

/**
 * Reads an outcomes call as far as the bound needs to: which bundle each outcome list is of. The lists themselves stay
 * the bytes that they came in, as their devices get them.
 */
export interface Settled {
  readonly deviceId: string
  readonly bundleId: Uint8Array
  readonly seq: number
  /** CBOR array of outcomes. */
  readonly outcomes: Uint8Array
}

const SETTLED_KIND = 3
/** Keys of a `bundle_settled` (src/protocol/confirmations.ts), each one byte of CBOR. */
const [KIND, DEVICE_ID, BUNDLE_ID, SEQ, OUTCOMES] = [0, 1, 2, 3, 5]

/** @param body of a call whose HMAC holds: its form is not checked again */
export function settledIn(body: Uint8Array): readonly Settled[] {
  const settled: Settled[] = []
  let { argument: confirmations, end: at } = headAt(body, 0)
  for (; confirmations > 0; confirmations--) {
    const { argument: pairs, end } = headAt(body, at)
    const fields = new Map<number, Uint8Array>()
    at = end
    for (let pair = 0; pair < pairs; pair++) {
      const valueEnd = itemEnd(body, at + 1)
      fields.set(body[at] ?? -1, body.subarray(at + 1, valueEnd))
      at = valueEnd
    }
    const value = (key: number) => decodeCbor(fields.get(key) ?? new Uint8Array())
    if (value(KIND) !== SETTLED_KIND) continue
    settled.push({
      deviceId: value(DEVICE_ID) as string,
      bundleId: value(BUNDLE_ID) as Uint8Array,
      seq: value(SEQ) as number,
      outcomes: fields.get(OUTCOMES) ?? new Uint8Array(),
    })
  }
  return settled
}

/** Where the item that begins here ends (RFC 8949 §3). */
function itemEnd(bytes: Uint8Array, at: number): number {
  const { type, argument, end } = headAt(bytes, at)
  if (type === 2 || type === 3) return end + argument
  let [after, items] = [end, type === 4 ? argument : type === 5 ? 2 * argument : 0]
  for (; items > 0; items--) after = itemEnd(bytes, after)
  return after
}

function headAt(bytes: Uint8Array, at: number): { type: number; argument: number; end: number } {
  const head = bytes[at] ?? 0
  const info = head & 31
  const end = at + 1 + (info < 24 ? 0 : 2 ** (info - 24))
  let argument = info < 24 ? info : 0
  // By multiplication: shifts would cut at 32 bits.
  for (let i = at + 1; i < end; i++) argument = argument * 256 + (bytes[i] ?? 0)
  return { type: head >> 5, argument, end }
}
