import { err, ok, type Result } from '../../protocol/result.ts'
import type { Env } from '../env.ts'
import { logger } from '../log.ts'
import type { Refusal } from './refusal.ts'

/** A quota of requests in a window of seconds. The numbers are those of the bindings in wrangler.toml. */
export interface RatePolicy {
  readonly name: 'device' | 'address'
  readonly quota: number
  readonly windowS: number
}

export const RATE_POLICIES = {
  /** A device that pushes every second is broken: a bundle takes 100 payments. */
  device: { name: 'device', quota: 60, windowS: 60 },
  /**
   * Before anything is parsed. Thousands of devices share the few addresses of a mobile carrier's NAT, so this is no
   * fair share: it bounds what one address can make a data centre compute, at about a fiftieth of a core.
   */
  address: { name: 'address', quota: 1000, windowS: 10 },
} as const satisfies Record<string, RatePolicy>

/** @returns `rate_limited` when the key has used up its quota. A limiter that fails lets pass: it must not stop payments. */
export async function withinRate(limiter: RateLimit, policy: RatePolicy, key: string): Promise<Result<void, Refusal>> {
  try {
    const { success } = await limiter.limit({ key })
    if (!success) return err({ code: 'rate_limited', retryAfterS: policy.windowS, rate: policy })
  } catch (error) {
    logger.warn('the rate limiter does not answer', { policy: policy.name, error })
  }
  return ok(undefined)
}

/** The limit of the address that a request comes from. */
export async function addressLimit(headers: Headers, env: Env): Promise<Result<void, Refusal>> {
  const key = addressKey(headers)
  return key === undefined ? ok(undefined) : withinRate(env.ADDRESS_RATE, RATE_POLICIES.address, key)
}

/**
 * draft-ietf-httpapi-ratelimit-headers-10 §3–4: the quota, and what is left of it. The limiter does not say when its
 * window ends, so `t` is the whole of it.
 */
export const rateHeaders = ({ name, quota, windowS }: RatePolicy): Readonly<Record<string, string>> => ({
  'ratelimit-policy': `"${name}";q=${quota};w=${windowS}`,
  ratelimit: `"${name}";r=0;t=${windowS}`,
})

/**
 * What requests of one address are counted under: an IPv4 address, or the /64 of an IPv6 address, since whoever has one
 * of those has all of it. Cloudflare sets the header and no client can; without Cloudflare in front there is none.
 */
export function addressKey(headers: Headers): string | undefined {
  const address = headers.get('cf-connecting-ip')?.trim().toLowerCase()
  if (address === undefined || address === '') return undefined
  if (!address.includes(':')) return address.slice(0, 45)
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(address)?.[1]
  return mapped ?? `${network(address)}::/64`
}

/** The first four groups of an IPv6 address (RFC 4291 §2.2), without leading zeros. */
function network(address: string): string {
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? []
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length)
  const groups = [...first, ...Array<string>(zeros).fill('0'), ...last]
  return Array.from({ length: 4 }, (_, at) => (groups[at] ?? '0').replace(/^0+(?=.)/, '').slice(0, 4)).join(':')
}
