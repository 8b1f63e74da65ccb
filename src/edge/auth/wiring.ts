import type { Settings } from '../config.ts'
import type { AuthSettings, PeopleIssuer } from './authenticate.ts'
import { accessPerson, oidcPerson } from './claims.ts'
import { IssuerKeys, type KeyIo, type KeyStore } from './issuer-keys.ts'
import { KEY_SET_BYTES_MAX } from './limits.ts'

/** One an isolate and key set, whatever requests come. */
const keysByUrl = new Map<string, IssuerKeys>()

function keysAt(url: string): IssuerKeys {
  const keys = keysByUrl.get(url) ?? new IssuerKeys(url)
  keysByUrl.set(url, keys)
  return keys
}

/** The issuers that the settings name, and this runtime's fetch, clock and timers. */
export function authSettings(
  settings: Settings,
  store: KeyStore,
  keepAlive: (work: Promise<unknown>) => void,
): AuthSettings {
  const oidc: PeopleIssuer = {
    issuer: settings.OIDC_ISSUER,
    audience: settings.OIDC_AUDIENCE,
    keys: keysAt(settings.OIDC_JWKS_URL),
    person: oidcPerson,
  }
  return { oidc, access: accessIssuer(settings), io: { fetchText, store, nowMs: () => Date.now(), after, keepAlive } }
}

/** https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/validating-json/ */
function accessIssuer(settings: Settings): PeopleIssuer | undefined {
  const { ACCESS_TEAM_DOMAIN: team, ACCESS_AUDIENCE: audience, ACCESS_ROLES: roles } = settings
  if (team === undefined || audience === undefined || roles === undefined) return undefined
  const issuer = new URL(team).origin
  const where = {
    roles,
    rolesClaim: settings.ACCESS_ROLES_CLAIM,
    subjectClaim: settings.ACCESS_SUBJECT_CLAIM ?? 'sub',
    tenantClaim: settings.ACCESS_TENANT_CLAIM,
  }
  return {
    issuer,
    audience,
    keys: keysAt(`${issuer}/cdn-cgi/access/certs`),
    person: (claims) => accessPerson(claims, where),
  }
}

/** A redirect would let somebody else answer for the issuer. */
export const fetchText: KeyIo['fetchText'] = async (url) => {
  const answer = await fetch(url, { redirect: 'manual', headers: { accept: 'application/json' } })
  if (answer.status !== 200 || answer.body === null) throw new Error(`keys: status ${answer.status}`)
  let text = ''
  let bytes = 0
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > KEY_SET_BYTES_MAX) throw new Error('keys: too large')
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

export const after: KeyIo['after'] = (ms) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  return { done: promise, cancel: () => clearTimeout(timer) }
}

/** For tests, which restart the isolate. */
export function forgetKeys(): void {
  keysByUrl.clear()
}
