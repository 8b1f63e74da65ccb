/**
 * What this isolate has let pass of late. The limiter that all isolates of a place share is a call away, so it is asked only
 * about whoever is seen here often: nearly all devices push a few times an hour.
 */
export const UNASKED = 10
const KEYS_MAX = 20_000

interface Seen {
  readonly sinceMs: number
  times: number
}
const seen = new Map<string, Seen>()

/**
 * Counts a request.
 *
 * @param signed names what is signed
 * @param asked the device, and what it asks for
 * @returns `again` for what came before, `often` for something new of a device that the limiter has to be asked about
 */
export function seenHere(
  signed: string,
  asked: string,
  { windowS }: { readonly windowS: number },
  nowMs: number,
): 'again' | 'often' | 'seldom' {
  const windowMs = windowS * 1000
  if (count(signed, windowMs, nowMs) > 1) return 'again'
  return count(asked, windowMs, nowMs) > UNASKED ? 'often' : 'seldom'
}

function count(key: string, windowMs: number, nowMs: number): number {
  const before = seen.get(key)
  if (before !== undefined && nowMs - before.sinceMs < windowMs) return ++before.times
  // Whoever is forgotten is not asked about for a while; the limiter's own count goes on.
  if (seen.size >= KEYS_MAX) seen.clear()
  seen.set(key, { sinceMs: nowMs, times: 1 })
  return 1
}

/** For tests, which restart the isolate. */
export function forgetSeen(): void {
  seen.clear()
}
