import { logger } from '../../../src/edge/log.ts'
import type { IndexMessage } from '../../../src/edge/store/index-message.ts'
import { decodeConfirmations } from '../../../src/protocol/confirmations.ts'
import { parse } from '../../../src/protocol/parse.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import type { Delivery } from '../owed/delivery.ts'
import type { Actor } from '../person.ts'
import { readDevice, readOwing } from '../sql/device-store.ts'
import { applyConfirmations } from './confirmations.ts'

/**
 * Applies what the reconciler has recorded and settled (confirmations.ts), and tells of what that changed.
 *
 * @param encoded what its call says of this device
 * @returns what the caller shows in the read model
 */
export function confirm(
  storage: DurableObjectStorage,
  delivery: Delivery,
  encoded: Uint8Array,
  requestId: string | undefined,
): Result<readonly IndexMessage[], 'malformed'> {
  const { sql } = storage
  const nowMs = Date.now()
  const by: Actor = { actor: 'reconciler', ...(requestId && { requestId }) }
  const device = readOwing(sql)
  const { deviceId } = device
  const confirmations = parse(() => decodeConfirmations(deviceId, encoded))
  if (!confirmations.ok) return err('malformed')
  const { audit, settled, unknown, ended } = storage.transactionSync(() =>
    applyConfirmations(sql, confirmations.value, by, nowMs),
  )
  // Saying it again would change nothing and hold up the device's other news: somebody has to look.
  if (unknown.size > 0) logger.error('confirmed bundles are not here', { deviceId, bundleIds: [...unknown], requestId })
  if (audit.length > 0) delivery.sendDevice(readDevice(sql), audit)
  if (ended.length > 0) delivery.sendEnded(readDevice(sql), ended)
  return ok(delivery.handOver(device, settled))
}
