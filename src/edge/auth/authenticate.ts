import { err, type Result } from '../../protocol/result.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { isForeignWrite, readCredential } from './credential.ts'
import type { KeyIo } from './issuer-keys.ts'
import type { Person } from './person.ts'
import { type Claims, type TokenIssuer, verifyToken } from './verify-token.ts'

/** An issuer, and how a person is read from its claims. */
export interface PeopleIssuer extends TokenIssuer {
  readonly person: (claims: Claims) => Result<Person, Refusal>
}

export interface AuthSettings {
  /** The issuer of bearer tokens. */
  readonly oidc: PeopleIssuer
  /** Cloudflare Access, where it stands in front. */
  readonly access: PeopleIssuer | undefined
  readonly io: KeyIo
}

/** Seconds after which it is worth asking again while the issuer's keys cannot be had. */
const KEYS_RETRY_S = 30

/**
 * Who makes this request: credential → token → person. Reads nothing of the request but its headers.
 *
 * @returns `unauthorized` for every fault of a token, without saying which; `forbidden` for a person without any role;
 *   `temporarily_unavailable` when the token cannot be judged because the issuer's keys cannot be had
 * @example
 * const person = await authenticatePerson(request, settings)
 * if (!person.ok) return refuse(c, person.error)
 * if (!rolesAllow(person.value, ['pay_reviewer'])) return refuse(c, { code: 'forbidden' })
 */
export async function authenticatePerson(request: Request, settings: AuthSettings): Promise<Result<Person, Refusal>> {
  const credential = readCredential(request.headers)
  const issuer = credential?.kind === 'access' ? settings.access : settings.oidc
  if (credential === undefined || issuer === undefined) return err({ code: 'unauthorized' })
  const claims = await verifyToken(credential.token, issuer, settings.io)
  if (!claims.ok) {
    return err(
      claims.error === 'keys_unavailable'
        ? { code: 'temporarily_unavailable', retryAfterS: KEYS_RETRY_S }
        : { code: 'unauthorized' },
    )
  }
  if (credential.kind === 'access' && isForeignWrite(request)) return err({ code: 'forbidden' })
  const person = issuer.person(claims.value)
  // The only write on the way, and only for somebody who is let in.
  if (person.ok) issuer.keys.remember(settings.io)
  return person
}
