import { concatBytes, toHex, utf8 } from '../protocol/bytes.ts'

/**
 * One-time enrolment codes: 80 bits as four groups of four characters that people can read to each other. A code is
 * derived from its id and a secret of the edge, so that it can be shown again to whoever repeats the request that made
 * it, and is stored nowhere. What belongs to it is encrypted with a key that only the code gives.
 */
const CODE_BYTES = 10
/** Crockford's base 32: no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const IV_BYTES = 12

/** @param key an HMAC key with this purpose only: whoever has it knows every code, because ids stand in the audit */
export async function enrolmentCode(key: CryptoKey, id: string): Promise<string> {
  const mac = await crypto.subtle.sign('HMAC', key, utf8(`molam-enrolment-code-v1|${id}`) as BufferSource)
  let value = 0n
  for (const byte of new Uint8Array(mac).subarray(0, CODE_BYTES)) value = (value << 8n) | BigInt(byte)
  let out = ''
  for (let i = 0; i < 16; i++, value >>= 5n) out = ALPHABET[Number(value & 31n)] + out
  return out.replaceAll(/(.{4})(?=.)/g, '$1-')
}

/** The code as it was typed in: any case, with or without hyphens and spaces. @returns undefined when it can be none */
export function normalCode(typed: string): string | undefined {
  const bare = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  return /^[0-9A-HJKMNP-TV-Z]{16}$/.test(bare) ? bare.replaceAll(/(.{4})(?=.)/g, '$1-') : undefined
}

export async function codeHash(code: string): Promise<string> {
  return toHex(await digest(`molam-enrolment-hash-v1|${code}`))
}

/** @param aad what the text belongs to */
export async function sealWithCode(code: string, text: string, aad: string): Promise<Uint8Array> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const key = await keyOf(code, 'encrypt')
  return concatBytes(iv, new Uint8Array(await crypto.subtle.encrypt(gcm(iv, aad), key, utf8(text) as BufferSource)))
}

/** @returns undefined when it was not sealed with this code, or for something else */
export async function openWithCode(code: string, sealed: Uint8Array, aad: string): Promise<string | undefined> {
  const key = await keyOf(code, 'decrypt')
  try {
    const iv = sealed.slice(0, IV_BYTES)
    const plain = await crypto.subtle.decrypt(gcm(iv, aad), key, sealed.slice(IV_BYTES) as BufferSource)
    return new TextDecoder().decode(plain)
  } catch {
    return undefined
  }
}

async function keyOf(code: string, use: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  const bytes = await digest(`molam-enrolment-key-v1|${code}`)
  return crypto.subtle.importKey('raw', bytes as BufferSource, 'AES-GCM', false, [use])
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text) as BufferSource))
}

const gcm = (iv: Uint8Array, aad: string) =>
  ({
    name: 'AES-GCM',
    iv: iv as BufferSource,
    additionalData: utf8(aad) as BufferSource,
    tagLength: 128,
  }) as const
