import { writePiSpiSymbol } from '../../../device/qr/index.ts'
import { toBase64url, toHex } from '../../../protocol/bytes.ts'
import { decodePaymentRequest } from '../../../protocol/payment-request.ts'
import type { Country } from '../../../protocol/policy.ts'

/** What the shop is called in the scheme, as far as this till knows. */
interface Shop {
  readonly country: Country
  readonly alias: string | undefined
}

/** Characters of the reference: half of the request's id. PI-SPI leaves room for 25. */
const REFERENCE_CHARS = 16

/**
 * The text of the QR code that the customer scans: the merchant's PI-SPI symbol with the request in it, which other members' apps read
 * too, or the request alone where the shop has no alias.
 */
export function requestCode(request: Uint8Array, { country, alias }: Shop): string {
  if (alias === undefined) return toBase64url(request)
  const { amount, requestId } = decodePaymentRequest(request)
  const reference = toHex(requestId).slice(0, REFERENCE_CHARS)
  return writePiSpiSymbol({ alias, country, amount, reference, isDynamic: true, request })
}
