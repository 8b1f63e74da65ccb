import { importHmacKey } from '../crypto/hmac.ts'
import { fromBase64url, toBase64url, utf8 } from '../protocol/bytes.ts'

/** HMAC-SHA256 with a key that only the edge and the reconciler hold. */
export type Hmac = (message: Uint8Array) => Promise<Uint8Array>

/** @param secret at least 32 bytes, base64url; imported when the first pseudonym is made */
export function pseudonymHmac(secret: string): Hmac {
  let key: Promise<CryptoKey> | undefined
  return async (message) => {
    key ??= importHmacKey(fromBase64url(secret))
    return new Uint8Array(await crypto.subtle.sign('HMAC', await key, message as BufferSource))
  }
}

/** Bytes kept: 128 bits do not collide by chance. */
const PSEUDONYM_BYTES = 16

/**
 * Names for wallets and merchants that mean nothing outside: the same wallet has the same name everywhere and at all
 * times, so that a scorer can follow it, and nobody without the key can get from one to the other. A plain hash would
 * not do: all phone numbers of a country are hashed in seconds.
 *
 * @returns wallet or merchant id → pseudonym, each id made once
 */
export async function pseudonyms(hmac: Hmac, ids: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const pairs = [...new Set(ids)].map(async (id) => {
    const mac = await hmac(utf8(`molam-risk-party-v1\n${id}`))
    return [id, toBase64url(mac.slice(0, PSEUDONYM_BYTES))] as const
  })
  return new Map(await Promise.all(pairs))
}
