/** Byte arrays without Node's Buffer: hex, base64url (RFC 4648 §5, canonical, unpadded), equality, concatenation. */

const HEX = /^(?:[0-9a-f]{2})*$/
const BASE64URL = /^[A-Za-z0-9_-]*$/
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** By the code of a character; of those of the alphabet only. */
const SEXTETS = Uint8Array.from({ length: 128 }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code)))

/** By table: formatting each byte anew costs more than everything else that is done with it. */
const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** A tenth of the time by the runtime's own method (ECMAScript 2026), which browsers of the floor lack. */
export function toHex(bytes: Uint8Array & { readonly toHex?: () => string }): string {
  if (bytes.toHex !== undefined) return bytes.toHex()
  let out = ''
  for (const byte of bytes) out += HEX_OF_BYTE[byte]
  return out
}

/** @throws RangeError when the text is not lower-case hex of whole bytes. */
export function fromHex(text: string): Uint8Array {
  if (!HEX.test(text)) throw new RangeError('not lower-case hex')
  const out = new Uint8Array(text.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = hexByte(text, 2 * i)
  return out
}

/** The byte that two lower-case hex digits write, which the caller has seen to be such. */
export const hexByte = (text: string, at: number): number => (nibble(text, at) << 4) | nibble(text, at + 1)

/** Of a lower-case hex digit: `0`–`9` are 0x30–0x39, `a`–`f` are 0x61–0x66. */
function nibble(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return (code & 15) + (code > 0x39 ? 9 : 0)
}

export function toBase64url(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const a = bytes[i] ?? 0
    const b = bytes[i + 1] ?? 0
    const c = bytes[i + 2] ?? 0
    out += ALPHABET.charAt(a >> 2) + ALPHABET.charAt(((a & 3) << 4) | (b >> 4))
    if (i + 1 < bytes.length) out += ALPHABET.charAt(((b & 15) << 2) | (c >> 6))
    if (i + 2 < bytes.length) out += ALPHABET.charAt(c & 63)
  }
  return out
}

/** @returns undefined when the text is not canonical base64url */
export function readBase64url(text: string): Uint8Array | undefined {
  try {
    return fromBase64url(text)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/**
 * Decodes unpadded base64url and accepts only the one canonical form: `atob` would take padding, white space and
 * stray bits, and two texts for the same bytes defeat idempotency.
 *
 * @throws RangeError when the text is not canonical base64url.
 */
export function fromBase64url(text: string): Uint8Array {
  if (!BASE64URL.test(text) || text.length % 4 === 1) throw new RangeError('not base64url')
  const out = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    held = ((held << 6) | (SEXTETS[text.charCodeAt(i)] ?? 0)) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    out[at++] = (held >> bits) & 0xff
  }
  if ((held & ((1 << bits) - 1)) !== 0) throw new RangeError('not canonical base64url')
  return out
}

/** Equality of public values. Secrets are compared in constant time elsewhere. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Bytewise order, as RFC 8949 §4.2.1 sorts keys: negative when `a` comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const encoder = new TextEncoder()
export const utf8 = (text: string): Uint8Array => encoder.encode(text)
