import { verifySign1 } from '../../crypto/sign1.ts'
import { equalBytes, fromBase64url } from '../../protocol/bytes.ts'
import { MalformedCbor } from '../../protocol/cbor.ts'
import { DEVICE_PROOF_SCHEME, type DeviceProof, htuOf, parseDeviceProof } from '../../protocol/device-proof.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import type { Env } from '../env.ts'
import { signedNow } from './clock.ts'
import { identify, type KnownDevice } from './identity-cache.ts'
import type { Refusal } from './refusal.ts'

/**
 * `Authorization: Molam-Device <base64url>`: a device proves itself for this method and URL, now. A captured proof can
 * be sent again within the skew; it brings the same signed notice, which only the device can use.
 */
export async function authenticateDevice(
  request: Request,
  env: Env,
  nowMs: number,
  keys: 'current' | 'older_too' = 'current',
): Promise<Result<{ proof: DeviceProof; device: KnownDevice }, Refusal>> {
  const [scheme, token = ''] = (request.headers.get('authorization') ?? '').split(' ')
  if (scheme !== DEVICE_PROOF_SCHEME)
    return err({ code: 'unauthorized', detail: `Authorization: ${DEVICE_PROOF_SCHEME}` })
  const proof = readProof(token)
  if (proof === undefined) return err({ code: 'invalid_signature' })
  const { claims } = proof
  const device = await identify(env, claims.deviceId, claims.kid, nowMs)
  if (device === undefined || !equalBytes(device.kid, claims.kid) || device.alg !== claims.alg) {
    return err({ code: 'invalid_signature' })
  }
  if (keys === 'current' && !device.isCurrent) return err({ code: 'invalid_signature' })
  if (claims.htm !== request.method || claims.htu !== htuOf(request.url)) return err({ code: 'invalid_signature' })
  if (!(await verifySign1(device.verifier, proof, 'molam-device-proof-v1'))) return err({ code: 'invalid_signature' })
  if (!signedNow({ signedAtMs: claims.issuedAtMs, relay: false }, device.policy, nowMs)) {
    return err({ code: 'clock_skew', serverTimeMs: nowMs })
  }
  return ok({ proof, device })
}

/** @returns undefined when the text is no proof */
export function readProof(token: string): DeviceProof | undefined {
  if (token.length > 4096) return undefined
  try {
    return parseDeviceProof(fromBase64url(token))
  } catch (error) {
    if (error instanceof MalformedCbor || error instanceof RangeError) return undefined
    throw error
  }
}
