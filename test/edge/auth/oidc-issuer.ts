import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import Provider from 'oidc-provider'
import type { TokenAlgorithm } from '../../../src/edge/auth/key-set.ts'

/**
 * A real OpenID provider (`oidc-provider`, certified) on loopback: people get their access tokens from its token
 * endpoint, and we its keys from its JWKS. Its keys can be rotated and it can go away.
 */
export interface OidcIssuer {
  readonly issuer: string
  readonly jwksUrl: string
  readonly origin: string
  token(alg: TokenAlgorithm, claims?: Record<string, unknown>): Promise<string>
  /** New keys in place of all old ones. */
  rotate(): Promise<void>
  /** How the JWKS is answered: by the provider, not at all, or with something else. */
  answer: 'keys' | 'refused' | 'silence' | 'nonsense' | 'empty'
  /** How often the JWKS was asked for. */
  asked: number
  close(): Promise<void>
}

export const AUDIENCE = 'molam-offline'
const SECRET = 'a secret of the test'
const KINDS = { RS256: {}, ES256: {}, EdDSA: { crv: 'Ed25519' } } as const
const SUBJECT = 'ops-1'

/** @param issuer the name it goes by, when it is reached through something else than loopback */
export async function startOidcIssuer(issuer?: string): Promise<OidcIssuer> {
  let handle: RequestListener = () => undefined
  const server = createServer((request, response) => {
    if (request.url !== '/jwks') return handle(request, response)
    oidc.asked++
    switch (oidc.answer) {
      case 'keys':
        return handle(request, response)
      case 'refused':
        return response.writeHead(503).end('maintenance')
      case 'nonsense':
        return response.writeHead(200, { 'content-type': 'application/json' }).end('<html>login</html>')
      case 'empty':
        return response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}')
      case 'silence':
        return undefined
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A run that ends need not end it first.
  server.unref()
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const name = issuer ?? origin
  const oidc: OidcIssuer = {
    issuer: name,
    origin,
    jwksUrl: `${name}/jwks`,
    answer: 'keys',
    asked: 0,
    async token(alg, claims = { roles: ['pay_admin'] }) {
      const answer = await fetch(`${origin}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${SUBJECT}:${encodeURIComponent(SECRET)}`)}` },
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          resource: `urn:molam:${alg}`,
          claims_of_the_person: JSON.stringify(claims),
        }),
      })
      const body = (await answer.json()) as { access_token?: string }
      if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`)
      return body.access_token
    },
    async rotate() {
      handle = (await provider(name)).callback()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  await oidc.rotate()
  return oidc
}

async function provider(issuer: string): Promise<Provider> {
  const keys = await Promise.all(
    Object.entries(KINDS).map(async ([alg, options]): Promise<JWK> => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true, ...options })
      return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: crypto.randomUUID() }
    }),
  )
  const made = new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: ['of the test'] },
    clients: [
      {
        client_id: SUBJECT,
        client_secret: SECRET,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    extraTokenClaims: (context: { oidc: { body: { claims_of_the_person: string } } }) =>
      JSON.parse(context.oidc.body.claims_of_the_person),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_: unknown, resource: string) => ({
          scope: '',
          audience: AUDIENCE,
          accessTokenTTL: 12 * 3600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: resource.split(':')[2] } },
        }),
      },
    },
  })
  made.proxy = true
  return made
}
