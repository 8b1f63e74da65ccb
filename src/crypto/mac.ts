import { fromBase64url, toBase64url, utf8 } from '../protocol/bytes.ts'

/**
 * MACs over what the edge writes for itself to read later, where others may write too: rows of D1, messages of the index
 * queue. Each purpose has a key of its own, so nothing that was written for one is taken for another.
 */
export type MacPurpose = 'policy_proposal' | 'enrolment_code' | 'index_message' | 'issuer_keys'

/**
 * HKDF-SHA-256 (RFC 5869) of a secret that the edge shares with nobody and uses for nothing else: writer and reader of
 * each purpose are the same edge, so they have one secret between them, and no key of theirs gives another.
 *
 * @param secret `STORED_MAC_SECRET`, 32 bytes
 * @returns an HMAC-SHA-256 key
 */
export async function macKeyFor(purpose: MacPurpose, secret: Uint8Array): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey('raw', secret as BufferSource, 'HKDF', false, ['deriveBits'])
  const params = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(`molam-mac-v1|${purpose}`) }
  const bits = await crypto.subtle.deriveBits(params, base, 256)
  return crypto.subtle.importKey('raw', bits, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
}

/** What is believed of a row, in an order of its own. Bytes are written as text. */
export type MacFields = readonly (string | number | null)[]

/** @returns base64url */
export async function macOf(key: CryptoKey, fields: MacFields): Promise<string> {
  return toBase64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, input(fields))))
}

/** Whether a holder of the key wrote these fields. */
export async function macHolds(key: CryptoKey, mac: unknown, fields: MacFields): Promise<boolean> {
  if (typeof mac !== 'string' || !/^[\w-]{43}$/.test(mac)) return false
  // WebCrypto compares in constant time.
  return crypto.subtle.verify('HMAC', key, fromBase64url(mac) as BufferSource, input(fields))
}

/** JSON, so that no two lists of fields are one text. */
const input = (fields: MacFields) => utf8(JSON.stringify(fields)) as BufferSource
