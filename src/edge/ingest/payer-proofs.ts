import { verifySign1 } from '../../crypto/sign1.ts'
import { type Authorization, authorizationOf } from '../../protocol/authorization.ts'
import { toHex } from '../../protocol/bytes.ts'
import { paysUntil } from '../../protocol/consent.ts'
import type { Payment } from '../../protocol/payment.ts'
import type { Env } from '../env.ts'
import { logger } from '../log.ts'
import { withDeadline } from './deadline.ts'
import { identifyPayer, type KnownDevice } from './identity-cache.ts'
import { standingConsents } from './standing-consents.ts'

/**
 * Looks at the signatures of payers before a bundle is admitted, so that its receipt says of each payment what the book will
 * say. The book looks again. A payer's device that is not known here, or does not answer, proves nothing either way: its
 * payment is taken, and the reconciler waits for the device.
 */
interface Signed {
  readonly payment: Payment
  readonly authorization: Authorization
}

/** Keys of payers that are looked up for one bundle. What has more is left to the reconciler. */
const PAYER_KEYS_MAX = 32
/** How long a push waits for the objects of payers, all of them at once. */
const READ_DEADLINE_MS = 1_000

/** @returns counters of payments whose authorization does not hold */
export async function disprovenPayments(
  env: Env,
  payments: readonly Payment[],
  nowMs: number,
): Promise<readonly number[]> {
  const signed = payments.flatMap((payment): Signed[] => {
    const authorization = authorizationOf(payment)
    return authorization === undefined ? [] : [{ payment, authorization }]
  })
  const byKey = Map.groupBy(signed, ({ authorization: { claims } }) => `${claims.deviceId} ${toHex(claims.kid)}`)
  const verdicts = await Promise.all(
    [...byKey.values()].slice(0, PAYER_KEYS_MAX).map(async (same) => {
      const key = await payerKey(env, same, nowMs)
      if (key === undefined) return []
      const holds = await Promise.all(same.map((one) => isPayersWord(key, one, nowMs)))
      return same.filter((_, i) => !holds[i]).map(({ payment }) => payment.counter)
    }),
  )
  return verdicts.flat()
}

async function payerNow(env: Env, deviceId: string, kid: Uint8Array, nowMs: number) {
  const key = await identifyPayer(env, deviceId, kid, nowMs)
  if (key === undefined || key === 'revoked') return key
  return { ...key, consents: await standingConsents(env, deviceId, key.consents, nowMs) }
}

async function payerKey(env: Env, [first]: readonly Signed[], nowMs: number) {
  if (first === undefined) return undefined
  const { deviceId, kid } = first.authorization.claims
  try {
    return await withDeadline(payerNow(env, deviceId, kid, nowMs), READ_DEADLINE_MS)
  } catch (error) {
    logger.warn('a payer’s device cannot be asked', { payerDeviceId: deviceId, error })
    return undefined
  }
}

/** A suspended or revoked phone may be in other hands; the authorization does not say when it was made. */
async function isPayersWord(
  key: KnownDevice | 'revoked',
  { payment, authorization }: Signed,
  nowMs: number,
): Promise<boolean> {
  if (key === 'revoked' || key.status !== 'active' || key.ownerWallet !== payment.sender) return false
  if (key.alg !== authorization.claims.alg) return false
  // Whoever registered it has not asked the holder.
  const untilMs = paysUntil(key.consents, key.kid, nowMs)
  if (untilMs === undefined || payment.initiatedAtMs > untilMs) return false
  return verifySign1(key.verifier, authorization, 'molam-payer-authorization-v1')
}
