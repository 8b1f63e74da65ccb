import { type MacFields, macHolds, macOf } from '../../crypto/mac.ts'
import type { FetchedKeys, KeyStore } from './issuer-keys.ts'

/**
 * The last good keys of an issuer in D1, so that an isolate that starts while the issuer is away can verify tokens.
 * D1 and not the Cache API: a cache is one data centre's, and may drop what it holds at any time.
 *
 * The row carries a MAC: whoever can write to D1 and nothing else must not be able to make himself an issuer.
 *
 * @param macKey of the purpose `issuer_keys`
 */
export function storedKeys(db: D1Database, macKey: () => Promise<CryptoKey>): KeyStore {
  return {
    async read(jwksUrl) {
      const row = await db.prepare(SELECT).bind(jwksUrl).first<{ keys: string; fetched_at: number; mac: string }>()
      if (row === null) return undefined
      const keys = { text: row.keys, fetchedAtMs: row.fetched_at }
      return (await macHolds(await macKey(), row.mac, fieldsOf(jwksUrl, keys))) ? keys : undefined
    },
    async write(jwksUrl, keys) {
      const mac = await macOf(await macKey(), fieldsOf(jwksUrl, keys))
      await db.prepare(UPSERT).bind(jwksUrl, keys.text, keys.fetchedAtMs, mac).run()
    },
  }
}

const SELECT = 'SELECT keys, fetched_at, mac FROM offline_issuer_keys WHERE jwks_url = ?'

/** Isolates write in any order: only what was fetched later replaces. */
const UPSERT = `
  INSERT INTO offline_issuer_keys (jwks_url, keys, fetched_at, mac) VALUES (?, ?, ?, ?)
  ON CONFLICT (jwks_url) DO UPDATE SET keys = excluded.keys, fetched_at = excluded.fetched_at, mac = excluded.mac
  WHERE excluded.fetched_at > offline_issuer_keys.fetched_at`

const fieldsOf = (jwksUrl: string, { text, fetchedAtMs }: FetchedKeys): MacFields => [jwksUrl, fetchedAtMs, text]
