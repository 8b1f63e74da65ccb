import { err, ok, type Result } from '../../protocol/result.ts'
import type { Env } from '../env.ts'
import { logger } from '../log.ts'
import { RATE_POLICIES, type RatePolicy } from './rate-policy.ts'
import type { Refusal } from './refusal.ts'

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

/** Whether the key was not seen within the limiter's window. With a limiter that fails everything is new. */
export async function isFirst(limiter: RateLimit, key: string): Promise<boolean> {
  try {
    return (await limiter.limit({ key })).success
  } catch (error) {
    logger.warn('the rate limiter does not answer', { policy: 'first', error })
    return true
  }
}

/** The limit of the address that a request comes from. */
export async function addressLimit(headers: Headers, env: Env): Promise<Result<void, Refusal>> {
  const key = addressKey(headers)
  return key === undefined ? ok(undefined) : withinRate(env.ADDRESS_RATE, RATE_POLICIES.address, key)
}

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
