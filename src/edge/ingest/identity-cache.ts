import type { Identity } from '../../../durable-objects/device/device.ts'
import type { Verifier } from '../../crypto/suite.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { equalBytes } from '../../protocol/bytes.ts'
import { deviceStub, type Env } from '../env.ts'

/**
 * Device keys that this isolate has seen, so that a warm push costs one call to its object. A copy outlives what it is a
 * copy of, so it lets requests through and refuses none: whatever speaks against a device is asked of its object, and the
 * object checks key and status again when it admits or tells. Forged requests cost a call each, as those for unknown
 * devices do, and their address has a quota.
 */
export interface KnownDevice extends Omit<Identity, 'retiring' | 'publicKey'> {
  readonly verifier: Verifier
  /** Whether `kid` is the device's key, and not one before it that may still have signed something. */
  readonly isCurrent: boolean
}

interface Held {
  readonly readAtMs: number
  /** The device's key first. */
  readonly byKey: readonly KnownDevice[]
}

const FRESH_MS = 30_000
const DEVICES_MAX = 5_000

const known = new Map<string, Held>()

/** @returns the device with the key of this id, with its own key when it has no such one; undefined for no device */
export async function identify(
  env: Env,
  deviceId: string,
  kid: Uint8Array,
  nowMs: number,
): Promise<KnownDevice | undefined> {
  const cached = known.get(deviceId)
  if (cached !== undefined && nowMs - cached.readAtMs < FRESH_MS) {
    const found = cached.byKey.find((key) => equalBytes(key.kid, kid))
    // Not one that may have been reactivated, and not without a key that it may have been given, a moment ago.
    if (found?.status === 'active') return found
  }
  const identity = await deviceStub(env, deviceId).identity()
  known.delete(deviceId)
  if (!identity.ok) return undefined
  const { retiring, publicKey, ...facts } = identity.value
  const keys = [{ alg: facts.alg, kid: facts.kid, publicKey }, ...retiring]
  const byKey = await Promise.all(
    keys.map(async ({ alg, kid, publicKey }, index): Promise<KnownDevice> => {
      const verifier = await webCryptoSuite.verifier({ alg, bytes: publicKey })
      return { ...facts, alg, kid, verifier, isCurrent: index === 0 }
    }),
  )
  // Maps keep insertion order, so the first key is the one read longest ago.
  if (known.size >= DEVICES_MAX) known.delete(known.keys().next().value ?? '')
  known.set(deviceId, { byKey, readAtMs: nowMs })
  return byKey.find((key) => equalBytes(key.kid, kid)) ?? byKey[0]
}

/** For tests, which register a device anew within one isolate. */
export function forgetDevices(): void {
  known.clear()
}
