import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Role } from '../../src/edge/auth/person.ts'

export const ISSUER = 'https://issuer.sim'
const AUDIENCE = 'molam-offline'
const KID = 'sim-1'
/** Shorter than a token is good for. */
const KEPT_MS = 30 * 60_000

/** Who signs the tokens of the people. */
export interface SimIssuer {
  readonly vars: { readonly OIDC_ISSUER: string; readonly OIDC_AUDIENCE: string; readonly OIDC_JWKS_URL: string }
  /** Answers at `OIDC_JWKS_URL`. */
  readonly jwks: string
  token(subject: string, role: Role): Promise<string>
}

export async function openIssuer(): Promise<SimIssuer> {
  const pair = await generateKeyPair('ES256', { extractable: true })
  const publicJwk = await exportJWK(pair.publicKey)
  const sign = (subject: string, role: Role) =>
    new SignJWT({ roles: [role] })
      .setProtectedHeader({ alg: 'ES256', kid: KID })
      .setSubject(subject)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(pair.privateKey as CryptoKey)
  /** People keep a token for as long as it is good, as their tools do. */
  const kept = new Map<string, { readonly token: string; readonly untilMs: number }>()
  return {
    vars: { OIDC_ISSUER: ISSUER, OIDC_AUDIENCE: AUDIENCE, OIDC_JWKS_URL: `${ISSUER}/jwks` },
    jwks: JSON.stringify({ keys: [{ ...publicJwk, kid: KID, alg: 'ES256', use: 'sig' }] }),
    async token(subject, role) {
      const name = `${subject} ${role}`
      const known = kept.get(name)
      if (known !== undefined && Date.now() < known.untilMs) return known.token
      const made = { token: await sign(subject, role), untilMs: Date.now() + KEPT_MS }
      kept.set(name, made)
      return made.token
    },
  }
}
