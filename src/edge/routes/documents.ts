import { z } from '@hono/zod-openapi'
import { utf8 } from '../../protocol/bytes.ts'
import { PAGE_SCRIPT, PAGE_STYLE, page } from './docs-page.ts'
import { json, routes, SECURITY_SCHEMES, secured } from './secured.ts'

/** What `/openapi.json` needs of the whole app. */
interface Documented {
  getOpenAPI31Document(config: { openapi: string; info: typeof INFO; servers: { url: string }[] }): object
}

const openapi = secured('public', {
  method: 'get',
  path: '/openapi.json',
  summary: 'This document',
  tags: ['documents'],
  answers: { 200: json(z.record(z.string(), z.unknown()), 'OpenAPI 3.1') },
})

const docs = secured('public', {
  method: 'get',
  path: '/docs',
  summary: 'A page that shows this document',
  tags: ['documents'],
  answers: { 200: { description: 'HTML', content: { 'text/html': { schema: { type: 'string' } } } } },
})

const INFO = {
  title: 'Molam Offline',
  version: '1.0.0',
  description: 'Payments taken where there is no network, settled exactly once when there is.',
}
const CACHED = { 'cache-control': 'public, max-age=300' }

/** @param app the whole app; its document is made on first use, when every route is there */
export function documentRoutes(app: () => Documented) {
  let document: object | undefined
  let policy: Promise<string> | undefined
  return routes()
    .openapi(openapi, (c) => {
      document ??= documentOf(app())
      return c.json(document, 200, CACHED)
    })
    .openapi(docs, async (c) => {
      policy ??= contentPolicy()
      return c.html(page(INFO.title), 200, { ...CACHED, 'content-security-policy': await policy })
    })
}

function documentOf(app: Documented): object {
  const made = app.getOpenAPI31Document({ openapi: '3.1.0', info: INFO, servers: [{ url: '/' }] })
  const { components = {}, ...rest } = made as { components?: object }
  return { ...rest, components: { ...components, securitySchemes: SECURITY_SCHEMES } }
}

/** Everything the page needs is in it, and at /openapi.json; nothing else runs in it, and nothing frames it. */
async function contentPolicy(): Promise<string> {
  const hash = async (text: string) => {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text) as BufferSource))
    return `'sha256-${btoa(String.fromCharCode(...digest))}'`
  }
  const [script, style] = [await hash(PAGE_SCRIPT), await hash(PAGE_STYLE)]
  const rules = [`default-src 'none'`, `script-src ${script}`, `style-src ${style}`, `connect-src 'self'`]
  return [...rules, `base-uri 'none'`, `form-action 'none'`, `frame-ancestors 'none'`].join('; ')
}
