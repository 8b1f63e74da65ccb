import { DAY_MS, MINUTE_MS } from '../../protocol/time.ts'

/** Bounds of what people's tokens and their issuers may ask of us, each with the reason for its number. */

/** Characters of a token. Ours have about 600, one with many groups 3 000; Cloudflare takes 16 KB a header. */
export const TOKEN_CHARS_MAX = 8192

/** Characters of a key id. The thumbprints and certificate hashes that issuers use have 64 at the most. */
export const KID_CHARS_MAX = 256

/** How far the issuer's clock may be from ours, in seconds. */
export const CLOCK_TOLERANCE_S = 30

/** Age from which a token is not taken, however late it expires: somebody who left is out within a day. */
export const TOKEN_AGE_MAX_S = 24 * 3600

/** How long fetched keys are used without asking: a key that the issuer withdraws is refused after this. */
export const KEYS_FRESH_MS = 10 * MINUTE_MS

/** The least time between two fetches of an isolate, also when an unknown key id, or a flood of them, asks for one. */
export const REFETCH_MS = 30_000

/** How long the last good keys are used while the issuer is away. Longer, and a leaked key would outlive its withdrawal. */
export const KEYS_STALE_MAX_MS = DAY_MS

/** How often keys that did not change are stored again, so that the stored copy's age stays far below the bound above. */
export const STORE_AGAIN_MS = 3600_000

/** How long a request waits for the issuer's keys. */
export const FETCH_DEADLINE_MS = 3_000

/** Bytes and entries of a key set. Cloudflare Access, with certificates beside its two keys, has 10 KB. */
export const KEY_SET_BYTES_MAX = 256 * 1024
export const KEYS_MAX = 64
