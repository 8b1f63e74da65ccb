import { decode, Tagged } from 'cborg'
import { equalBytes } from './bytes.ts'
import { encodeCbor } from './cbor-encode.ts'
import { type CborValue, MalformedCbor } from './cbor-value.ts'
import { BUNDLE_BYTES_MAX, CBOR_DEPTH_MAX } from './limits.ts'

export { encodeCbor } from './cbor-encode.ts'
export { type CborKey, type CborMap, type CborValue, MalformedCbor } from './cbor-value.ts'
export { Tagged }

const DECODE = {
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: false,
  strict: true,
  tags: Tagged.preserve(16, 18),
}

/**
 * Decodes exactly one deterministically encoded value.
 *
 * @param bytes the whole input; trailing bytes are refused
 * @param bytesMax upper bound of the input's length
 * @throws MalformedCbor for anything else, whatever the input: never another error, never deep recursion
 */
export function decodeCbor(bytes: Uint8Array, bytesMax = BUNDLE_BYTES_MAX): CborValue {
  if (bytes.length > bytesMax) throw new MalformedCbor('too long')
  refuseDeepNesting(bytes)
  let value: CborValue
  try {
    value = decode(bytes, DECODE)
    // The decoder takes unsorted keys, 1.0 for 1 and bad UTF-8 even when strict; only the same bytes back prove that
    // this was the one deterministic encoding.
    if (!equalBytes(encodeCbor(value), bytes)) throw new MalformedCbor('not deterministic')
  } catch (error) {
    throw error instanceof MalformedCbor ? error : new MalformedCbor('not CBOR of this subset')
  }
  return value
}

/**
 * Walks the heads of all items without recursion and bounds how deep containers nest, before a recursive decoder sees
 * the input. Leaves every other fault to the decoder.
 */
function refuseDeepNesting(bytes: Uint8Array): void {
  /** How many items each open container still expects. */
  const open: number[] = []
  for (let at = 0; at < bytes.length; ) {
    const head = bytes[at] ?? 0
    const [major, info] = [head >> 5, head & 31]
    const argumentBytes = info < 24 ? 0 : 1 << (info - 24)
    if (info > 27) throw new MalformedCbor('indefinite or reserved length')
    let argument = info < 24 ? info : 0
    for (let i = 1; i <= argumentBytes; i++) argument = argument * 256 + (bytes[at + i] ?? 0)
    at += 1 + argumentBytes
    if (major === 2 || major === 3) at += argument
    const top = open.length - 1
    if (top >= 0) open[top] = (open[top] ?? 0) - 1
    const items = major === 4 ? argument : major === 5 ? 2 * argument : major === 6 ? 1 : 0
    if (items > 0) open.push(items)
    if (open.length > CBOR_DEPTH_MAX) throw new MalformedCbor('nested too deep')
    while (open.length > 0 && open[open.length - 1] === 0) open.pop()
  }
}
