import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Role } from '../../src/edge/auth/person.ts'

export const ISSUER = 'https://issuer.sim'
const AUDIENCE = 'molam-offline'
const KID = 'sim-1'

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
  return {
    vars: { OIDC_ISSUER: ISSUER, OIDC_AUDIENCE: AUDIENCE, OIDC_JWKS_URL: `${ISSUER}/jwks` },
    jwks: JSON.stringify({ keys: [{ ...publicJwk, kid: KID, alg: 'ES256', use: 'sig' }] }),
    token: (subject, role) =>
      new SignJWT({ roles: [role] })
        .setProtectedHeader({ alg: 'ES256', kid: KID })
        .setSubject(subject)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(pair.privateKey as CryptoKey),
  }
}
