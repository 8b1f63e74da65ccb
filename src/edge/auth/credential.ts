/** The token that a request carries, and whose it claims to be. */
export interface Credential {
  readonly kind: 'bearer' | 'access'
  readonly token: string
}

const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i
const ACCESS_COOKIE = /^CF_Authorization=(.+)$/

/**
 * `Authorization: Bearer …`, or what Cloudflare Access adds: a header, and the cookie that it was made from. A request
 * with an `Authorization` header is judged by that alone: a token that fails is not rescued by a cookie.
 *
 * @returns undefined when there is none, or more than one of a kind
 */
export function readCredential(headers: Headers): Credential | undefined {
  const authorization = headers.get('authorization')
  if (authorization !== null) {
    const token = BEARER.exec(authorization)?.[1]
    return token === undefined ? undefined : { kind: 'bearer', token }
  }
  const assertion = headers.get('cf-access-jwt-assertion')
  if (assertion !== null) return { kind: 'access', token: assertion }
  const cookies = (headers.get('cookie') ?? '').split(';').flatMap((cookie) => ACCESS_COOKIE.exec(cookie.trim()) ?? [])
  const token = cookies[1]
  return token !== undefined && cookies.length === 2 ? { kind: 'access', token } : undefined
}

/**
 * Whether a browser may have been made to send this by another site. Access turns the cookie of whoever asks into its
 * header, so a verified token does not tell who wrote the request.
 */
export function isForeignWrite(request: Request): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return false
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') return true
  const origin = request.headers.get('origin')
  return origin !== null && origin !== new URL(request.url).origin
}
