import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { equalBytes, readBase64url } from '../../protocol/bytes.ts'
import { DEVICE_PROOF_SCHEME, type DeviceProof, htuOf, parseDeviceProof } from '../../protocol/device-proof.ts'
import { parse } from '../../protocol/parse.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import type { Env } from '../env.ts'
import { signedNow } from './clock.ts'
import type { KnownDevice } from './identity-cache.ts'
import type { Refusal } from './refusal.ts'
import { signedBy } from './signed-by.ts'

/**
 * `Authorization: Molam-Device <base64url>`: a device proves itself for this method, URL and body, now. A captured proof can
 * be sent again within the skew, with the same body and no other; it brings the same signed notice, which only the device can use.
 *
 * @param body as it came; undefined: the request has none by its method
 */
export async function authenticateDevice(
  request: Request,
  body: ArrayBuffer | undefined,
  env: Env,
  nowMs: number,
  keys: 'current' | 'older_too' = 'current',
): Promise<Result<{ proof: DeviceProof; device: KnownDevice }, Refusal>> {
  const token = deviceToken(request.headers)
  if (token === undefined) return err({ code: 'unauthorized', detail: `Authorization: ${DEVICE_PROOF_SCHEME}` })
  const proof = readProof(token)
  if (proof === undefined) return err({ code: 'invalid_signature' })
  const { claims } = proof
  if (claims.htm !== request.method || claims.htu !== htuOf(request.url)) return err({ code: 'invalid_signature' })
  if (body !== undefined && !(await isOver(claims, body))) return err({ code: 'invalid_signature' })
  const device = await signedBy(env, proof, 'molam-device-proof-v1', nowMs)
  if (device === undefined) return err({ code: 'invalid_signature' })
  if (keys === 'current' && !device.isCurrent) return err({ code: 'invalid_signature' })
  if (!signedNow({ signedAtMs: claims.issuedAtMs, relay: false }, device.policy, nowMs)) {
    return err({ code: 'clock_skew', serverTimeMs: nowMs })
  }
  return ok({ proof, device })
}

async function isOver({ bodyDigest }: DeviceProof['claims'], body: ArrayBuffer): Promise<boolean> {
  return bodyDigest !== undefined && equalBytes(bodyDigest, await webCryptoSuite.sha256(new Uint8Array(body)))
}

const CREDENTIALS = new RegExp(`^${DEVICE_PROOF_SCHEME}(?: +(.*))?$`, 'i')

/** What a device sends to prove itself. Schemes are the same in any case (RFC 9110 §11.1). @returns undefined for another scheme */
export function deviceToken(headers: Headers): string | undefined {
  const credentials = CREDENTIALS.exec(headers.get('authorization') ?? '')
  return credentials === null ? undefined : (credentials[1] ?? '')
}

/** @returns undefined when the text is no proof */
export function readProof(token: string): DeviceProof | undefined {
  if (token.length > 4096) return undefined
  const bytes = readBase64url(token)
  const proof = bytes && parse(() => parseDeviceProof(bytes))
  return proof?.ok ? proof.value : undefined
}
