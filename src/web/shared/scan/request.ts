import { readMerchantSymbol, requestIn } from '../../../device/qr/index.ts'
import { readRequest } from '../../../device/sdk/index.ts'
import { fromBase64url } from '../../../protocol/bytes.ts'

/**
 * What a taker asks, as its code says it: in a merchant's symbol, or in a code of its own (base64url).
 *
 * @returns the bytes for `authorize`; undefined when the text is no request, or one that cannot be read
 */
export function paymentRequestIn(text: string): Uint8Array | undefined {
  const symbol = readMerchantSymbol(text)
  const bytes = symbol.ok ? requestIn(symbol.value) : bytesIn(text)
  return bytes !== undefined && readRequest(bytes) !== undefined ? bytes : undefined
}

function bytesIn(text: string): Uint8Array | undefined {
  try {
    return fromBase64url(text.trim())
  } catch {
    return undefined
  }
}
