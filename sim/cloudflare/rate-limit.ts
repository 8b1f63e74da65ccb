import type { Life } from './life.ts'
import { type Platform, travel } from './platform.ts'

/** A limiter that lets everything pass, unless a fault refuses or fails. @param name of the binding */
export function rateLimit(name: string, life: Life, platform: Platform) {
  const ask = async (): Promise<{ success: boolean }> => {
    await travel(platform)
    if (platform.faults.strikes('rate_failed', name)) throw new Error('the rate limiter does not answer')
    return { success: !platform.faults.strikes('rate_refused', name) }
  }
  return {
    limit: (_: { readonly key: string }) => life.inside(ask),
  }
}
