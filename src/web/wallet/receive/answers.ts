import { parseAuthorization } from '../../../protocol/authorization.ts'
import { equalBytes } from '../../../protocol/bytes.ts'
import { decodePaymentAnswer, decodePaymentRequest } from '../../../protocol/payment-request.ts'

/**
 * Whether an answer is to the request that is on the screen: one to an older request of this phone may be taken for another amount, and
 * one that has paid before must not look like this payment. Nothing of it is verified; what is no answer at all the SDK calls by its name.
 */
export function answersAnother(answer: Uint8Array, request: Uint8Array): boolean {
  try {
    const { requestId } = parseAuthorization(decodePaymentAnswer(answer).authorization).claims
    return !equalBytes(requestId, decodePaymentRequest(request).requestId)
  } catch {
    return false
  }
}
