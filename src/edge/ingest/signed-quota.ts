import { toHex } from '../../protocol/bytes.ts'
import type { Sign1 } from '../../protocol/cose.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import { ok, type Result } from '../../protocol/result.ts'
import type { Env } from '../env.ts'
import { isFirst, withinRate } from './rate-limit.ts'
import { RATE_POLICIES } from './rate-policy.ts'
import type { Refusal } from './refusal.ts'
import { seenHere } from './seen-here.ts'

/** So much of a signature is never the same of two: with P-256 and Ed25519 the commitment, whose repetition tells the key. */
const NAMING_BYTES = 32

/**
 * A device's quota is for what it signs, so only the device can use it up: asked once its signature holds and its time is
 * now. The same signature again is counted apart, by itself, because whoever has seen it can send it: it names what was signed. Bundles
 * for relays, which others hold for a day, requests for a notice, answers to claims together with mandates and orders about allowances, and consents have quotas of
 * their own.
 */
export async function withinSignedQuota(
  env: Env,
  deviceId: DeviceId,
  what: 'push' | 'relay' | 'notice' | 'answer' | 'consent',
  { signature }: Pick<Sign1, 'signature'>,
  nowMs: number,
): Promise<Result<void, Refusal>> {
  const [signed, asked] = [toHex(signature.subarray(0, NAMING_BYTES)), `${what} ${deviceId}`]
  const seen = seenHere(signed, asked, RATE_POLICIES.device, nowMs)
  if (seen === 'seldom') return ok(undefined)
  if (seen === 'again' || !(await isFirst(env.FIRST_RATE, signed)))
    return withinRate(env.REPEAT_RATE, RATE_POLICIES.repeat, signed)
  return withinRate(env.PUSH_RATE, RATE_POLICIES.device, asked)
}
