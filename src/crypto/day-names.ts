import { toHex, utf8 } from '../protocol/bytes.ts'
import { DAY_MS } from '../protocol/time.ts'

/** Bytes of a name: people compare it by eye, and a million wallets of a day share one with a chance of one in five hundred. */
const NAME_BYTES = 6

/**
 * Names of wallets for people who decide about payments: the same wallet has the same name for a day (UTC), so one that
 * stands in many payments shows, and from one day to the next nobody can follow it. Without the key nobody gets from one to the other:
 * a plain hash of a telephone number is undone in seconds.
 *
 * @param key an HMAC key with this purpose only
 * @returns wallet → 12 hex digits
 * @example
 * (await dayNames(key, Date.now(), ['W-1'])).get('W-1') // '9f2c41d07be3'
 */
export async function dayNames(
  key: CryptoKey,
  atMs: number,
  wallets: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const day = Math.floor(atMs / DAY_MS)
  const pairs = [...new Set(wallets)].map(async (wallet) => {
    const message = utf8(`molam-review-party-v1\n${day}\n${wallet}`)
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, message as BufferSource))
    return [wallet, toHex(mac.slice(0, NAME_BYTES))] as const
  })
  return new Map(await Promise.all(pairs))
}
