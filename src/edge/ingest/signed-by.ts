import { verifySign1 } from '../../crypto/sign1.ts'
import type { Verifier } from '../../crypto/suite.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { fromHex } from '../../protocol/bytes.ts'
import { ES256, type Sign1, type SignedKind } from '../../protocol/cose.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import type { Env } from '../env.ts'
import { identify, type KnownDevice } from './identity-cache.ts'

/** What a device signs says which device and which of its keys. */
export interface BySelf extends Sign1 {
  readonly claims: { readonly deviceId: DeviceId; readonly kid: Uint8Array; readonly alg: number }
}

/**
 * The device whose signature this is. There is one answer for an unknown device, an unknown key and a signature that does not
 * hold, and each costs the lookup and a verification, so neither the answer nor its time says which devices exist.
 */
export async function signedBy(
  env: Env,
  signed: BySelf,
  kind: SignedKind,
  nowMs: number,
): Promise<KnownDevice | undefined> {
  const { deviceId, kid, alg } = signed.claims
  const device = await identify(env, deviceId, kid, nowMs)
  const holds = await verifySign1(device?.verifier ?? (await decoy()), signed, kind)
  return holds && device?.alg === alg ? device : undefined
}

/** The base point of P-256: a public key like any other. What it verifies is not believed. */
const BASE_POINT =
  '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296' +
  '4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5'

const decoy = (): Promise<Verifier> => webCryptoSuite.verifier({ alg: ES256, bytes: fromHex(BASE_POINT) })
