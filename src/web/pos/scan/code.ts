import { parseOfflineQR } from '../../../device/qr/index.ts'
import { parseAuthorization } from '../../../protocol/authorization.ts'
import { fromBase64url } from '../../../protocol/bytes.ts'
import { isParty } from '../../../protocol/ids.ts'

/**
 * What a scanned text is, so that the wrong code can be called by its name.
 *
 * - `bundle`, `receipt`: of or for a till; one part of several counts too
 * - `newer`: of a till with a later version of the app
 * - `damaged`: of a till, and read wrong
 * - `consent`: a payer's signature
 * - `link`: a web address
 * - `account`: may name a wallet
 */
export type CodeKind = 'bundle' | 'receipt' | 'newer' | 'damaged' | 'consent' | 'link' | 'account' | 'unknown'

export function kindOf(text: string): CodeKind {
  const part = parseOfflineQR([text])
  if (part.status !== 'invalid') return part.carries
  if (part.reason === 'unsupported_version') return 'newer'
  if (part.reason === 'damaged') return 'damaged'
  if (isConsent(text)) return 'consent'
  if (/^https?:/i.test(text)) return 'link'
  return isParty(text.trim()) ? 'account' : 'unknown'
}

function isConsent(text: string): boolean {
  try {
    parseAuthorization(fromBase64url(text.trim()))
    return true
  } catch {
    return false
  }
}
