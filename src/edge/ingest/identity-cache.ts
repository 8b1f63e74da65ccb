import type { Identity } from '../../../durable-objects/device/device.ts'
import type { Verifier } from '../../crypto/suite.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { equalBytes } from '../../protocol/bytes.ts'
import { paysUntil } from '../../protocol/consent.ts'
import { deviceStub, type Env } from '../env.ts'

/**
 * Device keys that this isolate has seen, so that a warm push costs one call to its object. A copy outlives what it is a
 * copy of, so it lets requests through and refuses none: whatever speaks against a device is asked of its object, and the
 * object checks key and status again when it admits or tells. Forged requests cost a call each, as those for unknown
 * devices do, and their address has a quota.
 */
export interface KnownDevice extends Omit<Identity, 'retiring' | 'revoked' | 'publicKey'> {
  readonly verifier: Verifier
  /** Whether `kid` is the device's key, and not one before it that may still have signed something. */
  readonly isCurrent: boolean
}

interface Cached {
  readonly readAtMs: number
  /** The device's key first. */
  readonly byKey: readonly KnownDevice[]
  /** Ids of keys that somebody else may have. */
  readonly revoked: readonly Uint8Array[]
}

const FRESH_MS = 30_000
const DEVICES_MAX = 5_000

const known = new Map<string, Cached>()

/** @returns the device, with the key of this id; undefined when there is no such device or it has no such key */
export async function identify(
  env: Env,
  deviceId: string,
  kid: Uint8Array,
  nowMs: number,
): Promise<KnownDevice | undefined> {
  const cached = await lookUp(env, deviceId, kid, nowMs)
  return cached && keyOf(cached, kid)
}

/** @returns as `identify` does; `revoked` when somebody else may have the key */
export async function identifyPayer(
  env: Env,
  deviceId: string,
  kid: Uint8Array,
  nowMs: number,
): Promise<KnownDevice | 'revoked' | undefined> {
  // Nor without a consent that it may have been given a moment ago.
  const pays = ({ consents }: KnownDevice) => (paysUntil(consents, kid, nowMs) ?? 0) >= nowMs
  const cached = await lookUp(env, deviceId, kid, nowMs, pays)
  if (cached?.revoked.some((key) => equalBytes(key, kid))) return 'revoked'
  return cached && keyOf(cached, kid)
}

const keyOf = ({ byKey }: Cached, kid: Uint8Array) => byKey.find((key) => equalBytes(key.kid, kid))

/** @param isEnough whether a copy of the device says all that is asked of it */
async function lookUp(
  env: Env,
  deviceId: string,
  kid: Uint8Array,
  nowMs: number,
  isEnough: (device: KnownDevice) => boolean = () => true,
): Promise<Cached | undefined> {
  const cached = known.get(deviceId)
  if (cached !== undefined && nowMs - cached.readAtMs < FRESH_MS) {
    // Not one that may have been reactivated, and not without a key that it may have been given, a moment ago.
    const copy = keyOf(cached, kid)
    if (copy?.status === 'active' && isEnough(copy)) return cached
  }
  const identity = await deviceStub(env, deviceId).identity()
  known.delete(deviceId)
  if (!identity.ok) return undefined
  const { retiring, revoked, publicKey, ...facts }: Identity = identity.value
  const keys = [{ alg: facts.alg, kid: facts.kid, publicKey }, ...retiring]
  const byKey = await Promise.all(
    keys.map(async ({ alg, kid, publicKey }, index): Promise<KnownDevice> => {
      const verifier = await webCryptoSuite.verifier({ alg, bytes: publicKey })
      return { ...facts, alg, kid, verifier, isCurrent: index === 0 }
    }),
  )
  // Maps keep insertion order, so the first key is the one read longest ago.
  if (known.size >= DEVICES_MAX) known.delete(known.keys().next().value ?? '')
  const fresh = { byKey, revoked, readAtMs: nowMs }
  known.set(deviceId, fresh)
  return fresh
}

/** For tests, which register a device anew within one isolate. */
export function forgetDevices(): void {
  known.clear()
}
