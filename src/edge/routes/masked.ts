/** A bundle's ULID: 26 characters of Crockford's base32; not one that is a number with zeros in front. */
const BUNDLE_ID = String.raw`\b(?![0-9A-Z]*\d{8})[0-7][0-9A-HJKMNP-TV-Z]{25}\b`
const EMAIL = String.raw`[^\s@]+@[^\s@]+`
const UUID = String.raw`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`
const WALLET = String.raw`\bW-[\p{L}\p{N}._-]*[\p{L}\p{N}]`
/** Six digits or more, of any script; between two of them three characters at the most that are no letters. */
const NUMBER = String.raw`[+(]*\p{N}(?:[^\p{L}\p{N}]{0,3}\p{N}){5,}\p{M}*`
const MASKED = new RegExp([`(?<bundleId>${BUNDLE_ID})`, EMAIL, UUID, WALLET, NUMBER].join('|'), 'giu')

/** A date and no more: with anything behind it, it would be a way to write a number. */
const DATE = /^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([ T][0-2]\d:[0-5]\d(:[0-5]\d)?)?$/

/**
 * What people write is kept in places where nothing personal may be: addresses, long numbers and wallets are taken out of
 * it. Rather too much than too little: what a reason is about stands beside it.
 */
export function masked(text: string): string {
  return text
    .replaceAll(/\p{Cf}/gu, '')
    .replaceAll(/\p{Cc}/gu, ' ')
    .replaceAll(MASKED, (found: string, bundleId?: string) =>
      bundleId !== undefined || DATE.test(found) ? found : '***',
    )
}
