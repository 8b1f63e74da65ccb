/**
 * A quota of requests in a window of seconds. The numbers are those of the bindings in wrangler.toml; a device's is more by
 * what an isolate lets pass without asking (seen-here.ts).
 */
export interface RatePolicy {
  readonly name: 'device' | 'repeat' | 'address'
  readonly quota: number
  readonly windowS: number
}

export const RATE_POLICIES = {
  /** A device that pushes every second is broken: a bundle takes 100 payments. */
  device: { name: 'device', quota: 60, windowS: 60 },
  /** The same signed bytes again: a retry without an answer, or somebody who has seen them. Nothing of it is written. */
  repeat: { name: 'repeat', quota: 60, windowS: 60 },
  /**
   * Before anything is parsed. Thousands of devices share the few addresses of a mobile carrier's NAT, so this is no
   * fair share: it bounds what one address can make a data centre compute, at about a fiftieth of a core.
   */
  address: { name: 'address', quota: 1000, windowS: 10 },
} as const satisfies Record<string, RatePolicy>

/**
 * draft-ietf-httpapi-ratelimit-headers-10 §3–4: the quota, and what is left of it. The limiter does not say when its
 * window ends, so `t` is the whole of it.
 */
export const rateHeaders = ({ name, quota, windowS }: RatePolicy): Readonly<Record<string, string>> => ({
  'ratelimit-policy': `"${name}";q=${quota};w=${windowS}`,
  ratelimit: `"${name}";r=0;t=${windowS}`,
})
