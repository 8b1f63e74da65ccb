import { fromBase64url, toBase64url, utf8 } from '../protocol/bytes.ts'

/**
 * Service calls carry an HMAC-SHA256 over method, path, time and body, in `Molam-Service: t=<ms>,v1=<base64url>`. The
 * time bounds how long a captured call can be sent again; the calls themselves are idempotent.
 */
export const SERVICE_HEADER = 'molam-service'
export const SERVICE_SKEW_MAX_MS = 5 * 60_000

const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const

export interface ServiceCall {
  readonly method: string
  /** Path and query, as the server sees them. */
  readonly path: string
  readonly body: Uint8Array
}

/** @param secret at least 32 bytes */
export async function importHmacKey(secret: Uint8Array): Promise<CryptoKey> {
  if (secret.length < 32) throw new RangeError('an HMAC key has at least 32 bytes')
  return crypto.subtle.importKey('raw', secret as BufferSource, HMAC, false, ['sign', 'verify'])
}

/** @returns the value of the `Molam-Service` header */
export async function signServiceCall(key: CryptoKey, call: ServiceCall, nowMs: number): Promise<string> {
  const mac = await crypto.subtle.sign(HMAC, key, (await macInput(call, nowMs)) as BufferSource)
  return `t=${nowMs},v1=${toBase64url(new Uint8Array(mac))}`
}

/** @returns whether the header proves that a holder of the key made this very call a short time ago */
export async function verifyServiceCall(
  key: CryptoKey,
  call: ServiceCall,
  header: string | null | undefined,
  nowMs: number,
): Promise<boolean> {
  const match = /^t=(\d{1,15}),v1=([A-Za-z0-9_-]{43})$/.exec(header ?? '')
  const [, time, mac] = match ?? []
  if (time === undefined || mac === undefined) return false
  if (Math.abs(nowMs - Number(time)) > SERVICE_SKEW_MAX_MS) return false
  let expected: Uint8Array
  try {
    expected = fromBase64url(mac)
  } catch {
    return false
  }
  // WebCrypto compares in constant time.
  return crypto.subtle.verify(HMAC, key, expected as BufferSource, (await macInput(call, Number(time))) as BufferSource)
}

async function macInput({ method, path, body }: ServiceCall, timeMs: number): Promise<Uint8Array> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body as BufferSource))
  return utf8(['molam-service-v1', method.toUpperCase(), path, String(timeMs), toBase64url(digest)].join('\n'))
}
