import { utf8 } from '../../../protocol/bytes.ts'

/** CRC-16/CCITT-FALSE over the UTF-8 of a text, as four upper-case hex digits (EMV QRCPS Merchant-Presented Mode 1.1, field 63). */
export function crc16(text: string): string {
  let crc = 0xffff
  for (const byte of utf8(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
    crc &= 0xffff
  }
  return crc.toString(16).toUpperCase().padStart(4, '0')
}
