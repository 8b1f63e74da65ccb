import { fromBase64url, toBase64url, utf8 } from '../../protocol/bytes.ts'
import type { FetchedKeys, KeyStore } from './issuer-keys.ts'

/**
 * The last good keys of an issuer in D1, so that an isolate that starts while the issuer is away can verify tokens.
 * D1 and not the Cache API: a cache is one data centre's, and may drop what it holds at any time.
 *
 * The row carries an HMAC: whoever can write to D1 and nothing else must not be able to make himself an issuer.
 */
export function storedKeys(db: D1Database, hmacKey: () => Promise<CryptoKey>): KeyStore {
  return {
    async read(jwksUrl) {
      const row = await db.prepare(SELECT).bind(jwksUrl).first<{ keys: string; fetched_at: number; mac: string }>()
      if (row === null) return undefined
      const keys = { text: row.keys, fetchedAtMs: row.fetched_at }
      const mac = fromBase64url(row.mac) as BufferSource
      return (await crypto.subtle.verify('HMAC', await hmacKey(), mac, macInput(jwksUrl, keys))) ? keys : undefined
    },
    async write(jwksUrl, keys) {
      const mac = new Uint8Array(await crypto.subtle.sign('HMAC', await hmacKey(), macInput(jwksUrl, keys)))
      await db.prepare(UPSERT).bind(jwksUrl, keys.text, keys.fetchedAtMs, toBase64url(mac)).run()
    },
  }
}

const SELECT = 'SELECT keys, fetched_at, mac FROM offline_issuer_keys WHERE jwks_url = ?'

/** Isolates write in any order: only what was fetched later replaces. */
const UPSERT = `
  INSERT INTO offline_issuer_keys (jwks_url, keys, fetched_at, mac) VALUES (?, ?, ?, ?)
  ON CONFLICT (jwks_url) DO UPDATE SET keys = excluded.keys, fetched_at = excluded.fetched_at, mac = excluded.mac
  WHERE excluded.fetched_at > offline_issuer_keys.fetched_at`

const macInput = (jwksUrl: string, { text, fetchedAtMs }: FetchedKeys) =>
  utf8(JSON.stringify(['molam-jwks-v1', jwksUrl, fetchedAtMs, text])) as BufferSource
