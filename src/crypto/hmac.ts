import { fromBase64url, toBase64url, utf8 } from '../protocol/bytes.ts'
import { MINUTE_MS } from '../protocol/time.ts'

/**
 * Service calls carry an HMAC-SHA256 over method, path, time and body, in `Molam-Service: t=<ms>,v1=<base64url>`. The
 * time bounds how long a captured call can be sent again; the calls themselves are idempotent.
 */
export const SERVICE_HEADER = 'molam-service'
export const SERVICE_SKEW_MAX_MS = 5 * MINUTE_MS

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

/** What a service call claims. Nothing of it is verified. */
export interface ServiceClaim {
  readonly timeMs: number
  readonly mac: Uint8Array
}

/** Reads the header without the body. @returns undefined when it can prove nothing: by its form, or by its time */
export function readServiceClaim(header: string | null | undefined, nowMs: number): ServiceClaim | undefined {
  const [, time, mac] = /^t=(\d{1,15}),v1=([A-Za-z0-9_-]{43})$/.exec(header ?? '') ?? []
  if (time === undefined || mac === undefined) return undefined
  if (Math.abs(nowMs - Number(time)) > SERVICE_SKEW_MAX_MS) return undefined
  try {
    return { timeMs: Number(time), mac: fromBase64url(mac) }
  } catch {
    return undefined
  }
}

/** @returns whether a holder of the key made this very call at the time it claims */
export async function verifyServiceCall(key: CryptoKey, call: ServiceCall, claim: ServiceClaim): Promise<boolean> {
  const input = await macInput(call, claim.timeMs)
  // WebCrypto compares in constant time.
  return crypto.subtle.verify(HMAC, key, claim.mac as BufferSource, input as BufferSource)
}

async function macInput({ method, path, body }: ServiceCall, timeMs: number): Promise<Uint8Array> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body as BufferSource))
  return utf8(['molam-service-v1', method.toUpperCase(), path, String(timeMs), toBase64url(digest)].join('\n'))
}
