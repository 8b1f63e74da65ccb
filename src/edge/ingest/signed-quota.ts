import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { toHex } from '../../protocol/bytes.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import { ok, type Result } from '../../protocol/result.ts'
import type { Env } from '../env.ts'
import { isFirst, withinRate } from './rate-limit.ts'
import { RATE_POLICIES } from './rate-policy.ts'
import type { Refusal } from './refusal.ts'
import { seenHere } from './seen-here.ts'

/**
 * A device's quota is for what it signs, so only the device can use it up: asked once its signature holds and its time is
 * now. The same signed bytes again are counted apart, by themselves, because whoever has seen them can send them. Bundles
 * for relays, which others hold for a day, requests for a notice, answers to claims together with mandates and orders about allowances, and consents have quotas of
 * their own.
 */
export async function withinSignedQuota(
  env: Env,
  deviceId: DeviceId,
  what: 'push' | 'relay' | 'notice' | 'answer' | 'consent',
  signed: Uint8Array,
  nowMs: number,
): Promise<Result<void, Refusal>> {
  const [digest, asked] = [toHex(await webCryptoSuite.sha256(signed)), `${what} ${deviceId}`]
  const seen = seenHere(digest, asked, RATE_POLICIES.device, nowMs)
  if (seen === 'seldom') return ok(undefined)
  if (seen === 'again' || !(await isFirst(env.FIRST_RATE, digest)))
    return withinRate(env.REPEAT_RATE, RATE_POLICIES.repeat, digest)
  return withinRate(env.PUSH_RATE, RATE_POLICIES.device, asked)
}
