import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import { borneOut, type RegisteredConsent } from './consents.ts'
import type { RegisteredDevice, Registry } from './registry.ts'

/**
 * Whether what a device signs is the word of its wallet's holder: an answer to a claim, a mandate. The edge has looked at it, and
 * says by which facts of the device; this side looks again, with the facts that it has itself.
 *
 * `awaited`: facts that the edge has looked at are still on their way, of the device or of one that consented to it. Without
 * them nobody can say whether the holder's word is lost or was never the holder's.
 */
export type Standing = 'holder' | 'nobody' | 'awaited'

/** What the edge said by which key, and by which revision of the device's facts. */
interface Said {
  readonly deviceId: DeviceId
  readonly kid: Uint8Array
  readonly factsRev: number
}

/** @param registry read under the device's lock */
export function standingOf(registry: Registry, { deviceId, kid, factsRev }: Said, atMs: number): Standing {
  const device = registry.get(deviceId)
  return device === undefined || device.rev < factsRev ? 'awaited' : speaksForHolder(device, kid, atMs)
}

/** By what is known of it now. A device that is stopped, or a key that somebody else may have, is nobody's word. */
export function speaksForHolder(
  { status, wallet, keys, consents }: RegisteredDevice,
  kid: Uint8Array,
  atMs: number,
): Standing {
  const key = keys.get(toHex(kid))
  if (status !== 'active' || wallet !== 'known' || key === undefined || key.state === 'revoked') return 'nobody'
  const inForce = ofKey(consents, kid).filter(({ untilMs, withdrawnAtMs }) => atMs <= untilMs && withdrawnAtMs === null)
  if (inForce.some(isVerified)) return 'holder'
  return inForce.length > 0 ? 'awaited' : 'nobody'
}

/** Whether there ever was consent for this key: what it signed then may be evidence now. */
export const hadConsent = (device: RegisteredDevice | undefined, kid: Uint8Array): boolean =>
  ofKey(device?.consents ?? [], kid).some(isVerified)

const isVerified = ({ isAwaited }: RegisteredConsent) => isAwaited !== true

/** What the ledger does not bear out was never consent. */
const ofKey = (consents: readonly RegisteredConsent[], kid: Uint8Array) =>
  borneOut(consents).filter(({ thumbprint }) => equalBytes(thumbprint.subarray(0, kid.length), kid))
