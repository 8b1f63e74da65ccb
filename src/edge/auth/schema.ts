import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** The last good keys of each issuer of people's tokens (stored-keys.ts). Public keys; one row an issuer, kept. */
export const issuerKeys = sqliteTable('offline_issuer_keys', {
  jwksUrl: text('jwks_url').primaryKey(),
  /** The JWK set as it was fetched. */
  keys: text('keys').notNull(),
  fetchedAt: integer('fetched_at').notNull(),
  /** HMAC-SHA256 over the other columns, base64url: a row that we did not write is none. */
  mac: text('mac').notNull(),
})
