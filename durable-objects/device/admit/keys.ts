import { equalBytes } from '../../../src/protocol/bytes.ts'
import type { Alg } from '../../../src/protocol/cose.ts'
import type { DeviceKey } from '../../../src/protocol/messages.ts'
import type { Device, OlderKey } from '../device.ts'

/**
 * A device's keys. A new key replaces the one it has; the older one is good for the bundles that it has signed already:
 * for every seq until a bundle comes that a newer key signed, and then for the holes before that bundle only. A key that
 * was replaced never comes back, so whoever holds it cannot take the device over again. Pure.
 */
type Keys = Pick<Device, 'kid' | 'alg' | 'publicKey' | 'keyRev' | 'olderKeys'>

/** Whether a bundle with this header may be one of the device's. */
function maySign({ kid, alg, olderKeys }: Keys, by: { kid: Uint8Array; alg: Alg; seq: number }): boolean {
  if (equalBytes(kid, by.kid)) return alg === by.alg
  const older = olderKeys.find((key) => equalBytes(key.kid, by.kid))
  return older?.state === 'retiring' && older.alg === by.alg && (older.lastSeq === null || by.seq <= older.lastSeq)
}

export type StandingRefusal = 'invalid_signature' | 'device_suspended' | 'device_revoked'

/** Why nothing that this key signed is taken. The Worker checked it against a copy; this is held against the truth. */
export function refusalOf(
  device: Keys & Pick<Device, 'status'>,
  by: { kid: Uint8Array; alg: Alg; seq: number },
): StandingRefusal | undefined {
  if (!maySign(device, by)) return 'invalid_signature'
  return device.status === 'active' ? undefined : `device_${device.status}`
}

/**
 * Keys that a device has put away by itself, or people for it, before people alone may give it another: all of them stand in its row, because
 * none may come back, and whoever has the device must not fill that.
 */
const OWN_CHANGES_MAX = 64

export const mayChangeKey = ({ olderKeys }: Pick<Keys, 'olderKeys'>): boolean => olderKeys.length < OWN_CHANGES_MAX

/** The older keys once a bundle of this seq was admitted: a key before the one that signed it has signed its last. */
export function keysAfter({ kid, olderKeys }: Keys, by: { kid: Uint8Array; seq: number }): readonly OlderKey[] {
  const signer = equalBytes(kid, by.kid) ? olderKeys.length : olderKeys.findIndex((key) => equalBytes(key.kid, by.kid))
  return olderKeys.map((key, index) => {
    if (key.state !== 'retiring' || index >= signer) return key
    return { ...key, lastSeq: Math.min(key.lastSeq ?? Number.POSITIVE_INFINITY, by.seq - 1) }
  })
}

/** @param isComplete whether every bundle up to a seq was admitted: then an older key has nothing left to sign */
export function retired(keys: readonly OlderKey[], isComplete: (seq: number) => boolean): readonly OlderKey[] {
  return keys.map((key) =>
    key.state === 'retiring' && key.lastSeq !== null && isComplete(key.lastSeq) ? { ...key, state: 'retired' } : key,
  )
}

/**
 * The keys with a new one in the first place.
 *
 * @param fate of the one that is replaced: `retiring`, or `revoked`, with all before it, when the device lost it
 * @returns undefined when the device has, or had, that very key
 */
export function replaceKey(keys: Keys, by: DeviceKey, fate: 'retiring' | 'revoked', rev: number): Keys | undefined {
  const { kid, alg, publicKey, keyRev, olderKeys } = keys
  if ([keys, ...olderKeys].some((key) => equalBytes(key.kid, by.kid))) return undefined
  const replaced: OlderKey = { kid, alg, publicKey, rev: keyRev, state: fate, lastSeq: null }
  // Those before it too: whoever had the device may have put the last ones there himself, and the book takes what older ones signed for a while.
  const older = [...olderKeys, replaced].map((key): OlderKey => (fate === 'revoked' ? { ...key, state: fate } : key))
  return { ...by, keyRev: rev, olderKeys: older }
}
