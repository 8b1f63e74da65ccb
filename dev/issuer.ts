import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import type { Role } from '../src/edge/auth/person.ts'

/** A local issuer of people's tokens: serves its JWKS, and signs what it is asked to. For development only. */
export interface DevIssuer {
  /** `vars` for the Worker. */
  readonly vars: { readonly OIDC_ISSUER: string; readonly OIDC_AUDIENCE: string; readonly OIDC_JWKS_URL: string }
  token(subject: string, roles: readonly Role[], lifetime?: string, tenant?: string): Promise<string>
  close(): Promise<void>
}

const AUDIENCE = 'molam-offline'
const KID = 'dev-1'

/** @param keyPath where the issuer's key is kept, so that printed tokens outlive a restart; made on first use */
export async function startDevIssuer(keyPath?: string, port = 0): Promise<DevIssuer> {
  const privateJwk = await loadKey(keyPath)
  const { d: _, ...publicJwk } = privateJwk
  const jwks = JSON.stringify({ keys: [{ ...publicJwk, kid: KID, alg: 'ES256', use: 'sig' }] })
  const server = createServer((_request, response) => response.setHeader('content-type', 'application/json').end(jwks))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    vars: { OIDC_ISSUER: origin, OIDC_AUDIENCE: AUDIENCE, OIDC_JWKS_URL: `${origin}/jwks` },
    token: await tokenSigner(privateJwk, origin),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Signs in the name of the issuer at this address, which need not be running here. */
export async function devTokens(keyPath: string, origin: string): Promise<DevIssuer['token']> {
  return tokenSigner(await loadKey(keyPath), origin)
}

async function tokenSigner(privateJwk: JWK, origin: string): Promise<DevIssuer['token']> {
  const key = (await importJWK(privateJwk, 'ES256')) as CryptoKey
  return (subject, roles, lifetime = '12h', tenant) =>
    new SignJWT({ roles: [...roles], ...(tenant !== undefined && { tenant }) })
      .setProtectedHeader({ alg: 'ES256', kid: KID })
      .setSubject(subject)
      .setIssuer(origin)
      .setAudience(AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(lifetime)
      .sign(key)
}

async function loadKey(path: string | undefined): Promise<JWK> {
  if (path !== undefined) {
    try {
      return JSON.parse(await readFile(path, 'utf8')) as JWK
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  if (path !== undefined) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, JSON.stringify(jwk), { mode: 0o600 })
  }
  return jwk
}
