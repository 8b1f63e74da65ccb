/**
 * Base45 (RFC 9285): bytes as text of the 45 characters that a QR symbol packs at 5½ bits each. 16 bits take 16½, where
 * base64url in byte mode takes 21⅓; raw bytes would take 16, but a scanner hands on text, and most of them mangle bytes.
 */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'

export function toBase45(bytes: Uint8Array): string {
  let out = ''
  for (let at = 0; at < bytes.length; at += 2) {
    const pair = at + 1 < bytes.length
    const value = pair ? (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0) : (bytes[at] ?? 0)
    out += char(value) + char(value / 45) + (pair ? char(value / 2025) : '')
  }
  return out
}

const char = (value: number) => ALPHABET[Math.floor(value) % 45] ?? ''

/** @returns undefined for what no bytes encode to: another character, a length of 1 mod 3, or a group above its range */
export function fromBase45(text: string): Uint8Array | undefined {
  if (text.length % 3 === 1) return undefined
  const out = new Uint8Array(Math.floor((text.length * 2) / 3))
  for (let at = 0, to = 0; at < text.length; at += 3) {
    const pair = at + 2 < text.length
    const digits = [...text.slice(at, at + 3)].map((digit) => ALPHABET.indexOf(digit))
    if (digits.includes(-1)) return undefined
    const [low = 0, middle = 0, high = 0] = digits
    const value = low + 45 * middle + 2025 * high
    if (value > (pair ? 0xffff : 0xff)) return undefined
    if (pair) out[to++] = value >> 8
    out[to++] = value & 0xff
  }
  return out
}
