import type { Identity } from '../../durable-objects/types.ts'
import type { Verifier } from '../crypto/suite.ts'
import { webCryptoSuite } from '../crypto/webcrypto.ts'
import { deviceStub, type Env } from '../env.ts'
import { equalBytes } from '../protocol/bytes.ts'

/**
 * Device keys that this isolate has seen, so that a warm push costs one call to its object. The copy decides nothing
 * that matters: the object checks key and status again when it admits.
 */
export interface KnownDevice extends Identity {
  readonly verifier: Verifier
  readonly readAtMs: number
}

const FRESH_MS = 30_000
/** How soon an unexpected key id may ask the object again: a rotation is seen quickly, a flood is not passed on. */
const REREAD_MS = 1_000
const DEVICES_MAX = 5_000

const known = new Map<string, KnownDevice>()

/** @returns the device, or undefined when it was never registered */
export async function identify(
  env: Env,
  deviceId: string,
  kid: Uint8Array,
  nowMs: number,
): Promise<KnownDevice | undefined> {
  const cached = known.get(deviceId)
  if (cached !== undefined) {
    const age = nowMs - cached.readAtMs
    if (age < (equalBytes(cached.kid, kid) ? FRESH_MS : REREAD_MS)) return cached
  }
  const identity = await deviceStub(env, deviceId).identity()
  known.delete(deviceId)
  if (identity === undefined) return undefined
  const { alg, publicKey } = identity
  const device: KnownDevice = {
    ...identity,
    verifier: await webCryptoSuite.verifier({ alg, bytes: publicKey }),
    readAtMs: nowMs,
  }
  // Maps keep insertion order, so the first key is the one read longest ago.
  if (known.size >= DEVICES_MAX) known.delete(known.keys().next().value ?? '')
  known.set(deviceId, device)
  return device
}

/** For tests, which register a device anew within one isolate. */
export function forgetDevices(): void {
  known.clear()
}
