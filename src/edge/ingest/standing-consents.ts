import type { KeptConsent } from '../../protocol/consent.ts'
import { type AskIdentity, lostGivers } from '../../protocol/consent-givers.ts'
import { deviceStub, type Env } from '../env.ts'

export const askIdentity =
  (env: Env): AskIdentity =>
  async (deviceId) =>
    deviceStub(env, deviceId).identity()

/**
 * Ends what was given by devices that do not pay any more, before the word of this one is believed on another till.
 *
 * @param consents may be older than what the object has: what is missing in them lets nothing pass
 * @returns those that are left
 */
export async function standingConsents(
  env: Env,
  deviceId: string,
  consents: readonly KeptConsent[],
  nowMs: number,
): Promise<readonly KeptConsent[]> {
  const lost = await lostGivers(askIdentity(env), consents, nowMs)
  if (lost.length === 0) return consents
  await deviceStub(env, deviceId).endConsentsOf(lost)
  return consents.filter(({ giver, withdrawnAtMs }) => {
    const isLost = lost.some(({ deviceId, kid }) => deviceId === giver?.deviceId && kid === giver.kid)
    return !isLost || withdrawnAtMs !== null
  })
}
