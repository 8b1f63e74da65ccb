import { proveDevice } from '../../crypto/prove-device.ts'
import type { Signer } from '../../crypto/suite.ts'
import { keyId } from '../../crypto/thumbprint.ts'
import { toBase64url, toHex } from '../../protocol/bytes.ts'
import { ES256 } from '../../protocol/cose.ts'
import { DEVICE_PROOF_SCHEME } from '../../protocol/device-proof.ts'
import { deviceId } from '../../protocol/ids.ts'
import { NONCE_BYTES } from '../../protocol/limits.ts'
import { withDefaults } from './defaults.ts'
import { OfflineError } from './errors.ts'
import type { OfflineSDKOptions } from './options.ts'
import { memoryStorage } from './ports/storage.ts'
import { type Answer, Transport } from './sync/transport.ts'

type Platform = 'suite' | 'fetch' | 'requestTimeoutMs' | 'clock' | 'randomBytes' | 'timers' | 'newAbort'

export interface EnrolOptions extends Pick<OfflineSDKOptions, 'apiUrl' | 'deviceId' | Platform> {
  /** One-time code, as the person types it: any case, with or without hyphens. */
  readonly code: string
  /** Over the device's private key, which is stored already: an answer may be lost, and the key must then still be there. */
  readonly signer: Signer
}

export interface Enrolment {
  readonly deviceId: string
  /** Id of the key that the edge has registered, hex. */
  readonly kid: string
}

const ENROL_PATH = '/offline/enrol'
const NOTICE_PATH = '/offline/notice'

/**
 * Registers a device with its own key, by a one-time code. Safe to repeat: with the same code and key the answer is the
 * same, and a code that was used up by this very key, its answer lost, counts as success.
 *
 * @throws OfflineError `enrolment_code_invalid` (wrong, expired, for another device, or used by another key),
 * `key_not_proven`, `rate_limited`, `temporarily_unavailable`,
 * `network_failed`, `timed_out`, `answer_invalid`; no payment is touched
 * @throws RangeError when `apiUrl` or `deviceId` is not valid
 * @example
 * const { kid } = await enrolSigner({ apiUrl, deviceId: 'POS-001', code: '7H2K-9QXA-0M4V-ZR3D', signer })
 */
export async function enrolSigner(options: EnrolOptions): Promise<Enrolment> {
  const { signer, code } = options
  if (signer.key.alg !== ES256) throw new TypeError('a device enrols itself with a P-256 key')
  const platform = withDefaults({ ...options, storage: memoryStorage(), atRest: 'none' })
  const { suite, clock, randomBytes } = platform
  const transport = new Transport({ ...platform, monotonicMs: () => clock.monotonicMs() })
  const id = deviceId(options.deviceId)
  const kid = await keyId(suite, signer.key)
  const enrolled: Enrolment = { deviceId: id, kid: toHex(kid) }
  const prove = (htm: string, path: string, issuedAtMs: number) =>
    proveDevice(signer, {
      kid,
      deviceId: id,
      issuedAtMs,
      nonce: randomBytes(NONCE_BYTES),
      htm,
      htu: transport.url(path),
    })

  const askNotice = async (nowMs: number): Promise<Answer> => {
    const proof = await prove('GET', NOTICE_PATH, nowMs)
    return transport.get(NOTICE_PATH, { Authorization: `${DEVICE_PROOF_SCHEME} ${proof}` })
  }
  const ask = async (nowMs: number): Promise<Answer> => {
    const proof = await prove('POST', ENROL_PATH, nowMs)
    return transport.postJson(ENROL_PATH, { code, public_key: jwkOf(signer.key.bytes), proof })
  }
  let nowMs = clock.nowMs()
  let answer = await ask(nowMs)
  const serverMs = serverTimeOf(answer)
  if (serverMs !== undefined) {
    // A wrong clock is normal after a flat battery. Nobody has signed this time: it goes into proofs only.
    nowMs = serverMs
    answer = await ask(nowMs)
  }
  if (answer.kind === 'problem' && answer.code === 'enrolment_code_invalid') {
    // An enrolment whose answer was lost may be long past, its code expired: the edge then knows the key.
    const notice = await askNotice(nowMs)
    const again = serverTimeOf(notice)
    if (notice.kind === 'ok' || (again !== undefined && (await askNotice(again)).kind === 'ok')) return enrolled
  }
  if (answer.kind !== 'ok') throw new OfflineError(answer.code)
  if (!confirms(answer.body, enrolled)) throw new OfflineError('answer_invalid')
  return enrolled
}

/** The edge's time, when it refused ours. */
const serverTimeOf = (answer: Answer) =>
  answer.kind === 'problem' && answer.code === 'clock_skew' ? answer.serverTimeMs : undefined

function confirms(body: Uint8Array, { deviceId, kid }: Enrolment): boolean {
  try {
    const answer = JSON.parse(new TextDecoder().decode(body)) as { device_id?: unknown; kid?: unknown } | null
    return answer?.device_id === deviceId && answer.kid === kid
  } catch {
    return false
  }
}

/** Public JWK (RFC 7518 §6.2.1) of a SEC1 uncompressed point. */
function jwkOf(point: Uint8Array) {
  return { kty: 'EC', crv: 'P-256', x: toBase64url(point.slice(1, 33)), y: toBase64url(point.slice(33)) }
}
