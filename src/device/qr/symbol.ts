import { encodeQR } from 'qr'
import { ERROR_CORRECTION, QUIET_ZONE_MODULES } from './limits.ts'

/**
 * The QR symbol of one part, rows from the top; `true` is dark. The quiet zone of 4 modules is part of it and must stay
 * light whatever the theme of the page is.
 *
 * @param part a text of `generateOfflineQR`
 */
export function qrModules(part: string): readonly (readonly boolean[])[] {
  return encodeQR(part, 'raw', { ecc: ERROR_CORRECTION, encoding: 'alphanumeric', border: QUIET_ZONE_MODULES })
}
