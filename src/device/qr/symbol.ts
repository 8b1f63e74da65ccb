import { encodeQR } from 'qr'
import { ERROR_CORRECTION, QUIET_ZONE_MODULES } from './limits.ts'

/**
 * The QR symbol of one text, rows from the top; `true` is dark. The quiet zone of 4 modules is part of it and must stay
 * light whatever the theme of the page is.
 *
 * @param text of `generateOfflineQR`, which is denser, or any other
 */
export function qrModules(text: string): readonly (readonly boolean[])[] {
  const encoding = ALPHANUMERIC.test(text) ? 'alphanumeric' : 'byte'
  return encodeQR(text, 'raw', { ecc: ERROR_CORRECTION, encoding, border: QUIET_ZONE_MODULES })
}

/** ISO/IEC 18004 §7.3.4. */
const ALPHANUMERIC = /^[0-9A-Z $%*+\-./:]+$/
