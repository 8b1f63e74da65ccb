import { type OidcIssuer, startOidcIssuer } from './oidc-issuer.ts'

/**
 * What the Worker finds outside. Runs in Node, beside workerd:
 *
 * - `https://keys.test/<base64url>`: a JWKS that says what the address says
 * - `https://oidc.test/<name>/…`: an OpenID provider of its own for each name, started when it is first asked for;
 *   below it `/-/token?alg=&claims=`, `/-/rotate`, `/-/answer?with=` and `/-/asked` are the test's own hands
 */
const issuers = new Map<string, Promise<OidcIssuer>>()

export async function outbound(request: Request): Promise<Response> {
  const url = new URL(request.url)
  if (url.host === 'keys.test') return new Response(Buffer.from(url.pathname.slice(1), 'base64url').toString())
  if (url.host !== 'oidc.test') return new Response('no such host', { status: 599 })
  const [, name = '', ...rest] = url.pathname.split('/')
  const starting = issuers.get(name) ?? startOidcIssuer(`https://oidc.test/${name}`)
  issuers.set(name, starting)
  const issuer = await starting
  if (rest[0] === '-') return byHand(issuer, rest[1] ?? '', url.searchParams)
  // What never answers would keep the test's runtime as well.
  const signal = AbortSignal.timeout(5_000)
  const answer = await fetch(`${issuer.origin}/${rest.join('/')}`, { signal }).catch(() => undefined)
  return answer ? new Response(await answer.text(), { status: answer.status }) : new Response('', { status: 598 })
}

async function byHand(issuer: OidcIssuer, what: string, query: URLSearchParams): Promise<Response> {
  switch (what) {
    case 'token': {
      const alg = query.get('alg') as Parameters<OidcIssuer['token']>[0]
      return new Response(await issuer.token(alg, JSON.parse(query.get('claims') ?? '{"roles":["pay_admin"]}')))
    }
    case 'rotate':
      await issuer.rotate()
      return new Response('rotated')
    case 'answer':
      issuer.answer = query.get('with') as OidcIssuer['answer']
      return new Response(issuer.answer)
    case 'asked':
      return new Response(String(issuer.asked))
    default:
      return new Response('', { status: 404 })
  }
}
