import { equalBytes } from '../../src/protocol/bytes.ts'
import { paysUntil } from '../../src/protocol/consent.ts'
import type { Device } from './device.ts'
import type { GivenPass } from './sql/pass-store.ts'

/**
 * Passes of the device that are still good by their date, and must not be believed any more: the device is suspended or revoked, its key is
 * in other hands, or nobody's consent stands for it. Takers are told of them in their notices.
 *
 * @param passes that may still be shown
 */
export function deniedPasses(
  device: Pick<Device, 'status' | 'kid' | 'olderKeys' | 'consents'>,
  passes: readonly GivenPass[],
  nowMs: number,
): readonly GivenPass[] {
  return passes.filter(({ kid }) => !stands(device, kid, nowMs))
}

function stands(
  { status, kid: current, olderKeys, consents }: Parameters<typeof deniedPasses>[0],
  kid: Uint8Array,
  nowMs: number,
): boolean {
  const isOwn =
    equalBytes(kid, current) || olderKeys.some((key) => key.state === 'retiring' && equalBytes(key.kid, kid))
  return status === 'active' && isOwn && paysUntil(consents, kid, nowMs) !== undefined
}
