import { parseOfflineQR, readMerchantSymbol } from '../../../device/qr/index.ts'
import { parseApproval } from '../../../protocol/approval.ts'
import { fromBase64url } from '../../../protocol/bytes.ts'
import { decodeConsentRequest, parseConsentWord } from '../../../protocol/consent-word.ts'
import { decodePaymentAnswer } from '../../../protocol/payment-request.ts'
import { canonicalWallet, type WalletFault } from '../../../protocol/wallet.ts'
import { paymentRequestIn } from './request.ts'

/**
 * What a scanned text is, so that the wrong code can be called by its name.
 *
 * - `bundle`, `receipt`: of or for a till; one part of several counts too
 * - `newer`: of a till with a later version of the app
 * - `damaged`: of a till, and read wrong
 * - `request`: what a taker asks of a payer's phone
 * - `answer`: what a payer's phone has signed
 * - `approval`: an agent's
 * - `consent_request`, `consent_word`: of a phone that another phone of its wallet is to let pay
 * - `merchant`: asks to pay a merchant, of whatever scheme
 * - `account`: may name a wallet
 * - `link`, `number`, `old_number`, `foreign_number`: why it cannot
 */
export type CodeKind =
  | 'bundle'
  | 'receipt'
  | 'newer'
  | 'damaged'
  | 'request'
  | 'answer'
  | 'approval'
  | 'consent_request'
  | 'consent_word'
  | 'merchant'
  | 'account'
  | Exclude<WalletFault, 'empty' | 'characters'>
  | 'unknown'

/** @param country whose phone numbers may stand without calling code */
export function kindOf(text: string, country?: string): CodeKind {
  const part = parseOfflineQR([text])
  if (part.status !== 'invalid') return part.carries
  if (part.reason === 'unsupported_version') return 'newer'
  if (part.reason === 'damaged') return 'damaged'
  if (paymentRequestIn(text) !== undefined) return 'request'
  const symbol = readMerchantSymbol(text)
  if (symbol.ok || symbol.error === 'damaged') return symbol.ok ? 'merchant' : 'damaged'
  if (reads(text, decodePaymentAnswer)) return 'answer'
  if (reads(text, parseApproval)) return 'approval'
  if (reads(text, parseConsentWord)) return 'consent_word'
  if (reads(text, decodeConsentRequest)) return 'consent_request'
  const wallet = canonicalWallet(text, country)
  if (wallet.ok) return 'account'
  return wallet.error === 'empty' || wallet.error === 'characters' ? 'unknown' : wallet.error
}

function reads(text: string, parse: (encoded: Uint8Array) => unknown): boolean {
  try {
    parse(fromBase64url(text.trim()))
    return true
  } catch {
    return false
  }
}
