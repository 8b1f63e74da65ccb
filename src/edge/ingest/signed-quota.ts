import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { toHex } from '../../protocol/bytes.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import type { Result } from '../../protocol/result.ts'
import type { Env } from '../env.ts'
import { isFirst, withinRate } from './rate-limit.ts'
import { RATE_POLICIES } from './rate-policy.ts'
import type { Refusal } from './refusal.ts'

/**
 * A device's quota is for what it signs, so only the device can use it up: asked once its signature holds and its time is
 * now. The same signed bytes again are counted apart, by themselves, because whoever has seen them can send them. Bundles
 * for relays, which others hold for a day, and requests for a notice have quotas of their own.
 */
export async function withinSignedQuota(
  env: Env,
  deviceId: DeviceId,
  what: 'push' | 'relay' | 'notice',
  signed: Uint8Array,
): Promise<Result<void, Refusal>> {
  const digest = toHex(await webCryptoSuite.sha256(signed))
  if (!(await isFirst(env.FIRST_RATE, digest))) return withinRate(env.REPEAT_RATE, RATE_POLICIES.repeat, digest)
  return withinRate(env.PUSH_RATE, RATE_POLICIES.device, `${what} ${deviceId}`)
}
