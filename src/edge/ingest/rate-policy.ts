import { STORED_PER_DAY_MAX } from '../../../durable-objects/device/room.ts'

/**
 * A quota of requests, or of bytes, in a window of seconds. The numbers are those of the bindings in wrangler.toml; a device's is more by
 * what an isolate lets pass without asking (seen-here.ts).
 */
export interface RatePolicy {
  readonly name: 'device' | 'repeat' | 'address' | 'storage'
  readonly quota: number
  readonly windowS: number
  readonly unit?: 'content-bytes'
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
  /** What the edge keeps of a device in a UTC day, counted by its object. */
  storage: { name: 'storage', quota: STORED_PER_DAY_MAX, windowS: 86_400, unit: 'content-bytes' },
} as const satisfies Record<string, RatePolicy>

/**
 * draft-ietf-httpapi-ratelimit-headers-10 §3–4: the quota, and what is left of it.
 *
 * @param endsInS when the window ends; the limiter does not say it, and then it is the whole of it
 */
export const rateHeaders = (
  { name, quota, windowS, unit }: RatePolicy,
  endsInS = windowS,
): Readonly<Record<string, string>> => ({
  'ratelimit-policy': `"${name}";q=${quota}${unit === undefined ? '' : `;qu="${unit}"`};w=${windowS}`,
  ratelimit: `"${name}";r=0;t=${endsInS}`,
})
