import { authorizationTerms, parseAuthorization } from '../../protocol/authorization.ts'
import { equalBytes, fromBase64url } from '../../protocol/bytes.ts'
import type { Payment } from '../../protocol/payment.ts'

/**
 * Reads a payer's signed consent as it was scanned (base64url). Whether its signature holds only the edge can tell; that it
 * is for these very terms is seen here, while the customer is still there.
 *
 * @returns undefined when it is none, or one for another payment
 */
export function readConsent(
  text: string,
  terms: Pick<Payment, 'type' | 'amount' | 'currency' | 'sender' | 'receiver'>,
): Uint8Array | undefined {
  try {
    const bytes = fromBase64url(text.trim())
    return equalBytes(parseAuthorization(bytes).payload, authorizationTerms(terms)) ? bytes : undefined
  } catch {
    return undefined
  }
}
