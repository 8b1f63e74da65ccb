import { logger } from '../../../src/edge/log.ts'
import { type AskIdentity, giversOf, lostGivers } from '../../../src/protocol/consent-givers.ts'
import { readDevice } from '../sql/device-store.ts'
import type { Consents } from './consents.ts'

/**
 * What devices gave that do not pay any more ends. Their own objects are asked whenever this device's word is to count.
 *
 * @returns whether that is known: without the objects' answer nothing goes on
 */
export async function endLostWords(sql: SqlStorage, consents: Consents, ask: AskIdentity): Promise<boolean> {
  const { consents: held } = readDevice(sql)
  if (giversOf(held).length === 0) return true
  try {
    consents.endWordsOf(await lostGivers(ask, held, Date.now()), { actor: 'system' })
    return true
  } catch (error) {
    logger.warn('a device that has consented to another one cannot be asked', { error })
    return false
  }
}
