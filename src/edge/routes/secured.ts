import { createRoute, OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { MONEY, type ProblemCode } from '../../protocol/problems.ts'
import type { Role } from '../auth/person.ts'
import { refuse } from './answers.ts'
import type { App } from './app-types.ts'
import { authenticate } from './auth.ts'
import { readJsonBody } from './json-body.ts'
import { faultsOf } from './read-json.ts'
import { serviceOnly } from './service.ts'

/**
 * The only way to declare a route: who may call it, and what it takes and answers. The guard runs before anything of the
 * request is read; an app with a route that was declared in another way does not start (`assertSecured`).
 *
 * - roles: a person with one of them; `pay_admin` may do everything
 * - `service`: the HMAC of our own services
 * - `device`: a device, which its handler verifies by its signature; `device_or_admin`, `scraper` likewise
 * - `public`: everybody
 */
export type Access = readonly [Role, ...Role[]] | 'service' | 'device' | 'device_or_admin' | 'scraper' | 'public'

type Declaration<P extends string> = Omit<RouteConfig, 'path' | 'responses' | 'middleware' | 'security'> & {
  readonly path: P
  /** Successful answers by status. */
  readonly answers: RouteConfig['responses']
  /** Beside those that every route has. */
  readonly refusals?: readonly ProblemCode[]
}

const guards = new WeakSet<object>()

export function secured<const P extends string, R extends Declaration<P>>(access: Access, declared: R & { path: P }) {
  const { answers, refusals = [], ...config } = declared
  const guard = guardFor(access)
  guards.add(guard)
  // A schema of zod is validated, a plain one only describes: a push reads its body itself.
  const body = declared.request?.body?.content['application/json']
  const takesJson = body !== undefined && 'schema' in body && body.schema instanceof z.ZodType
  const description = `A problem (RFC 9457)${refusals.length > 0 ? `; beside the common ones: ${refusals.join(', ')}` : ''}`
  const route = {
    ...config,
    ...(access !== 'public' && { security: SECURITY[typeof access === 'string' ? access : 'people'] }),
    // For readers of the document: OpenAPI has no place for roles of its own.
    'x-callers': typeof access === 'string' ? access : [...new Set(['pay_admin', ...access])],
    middleware: takesJson ? [guard, readJsonBody] : [guard],
    responses: {
      ...answers,
      default: { description, content: { 'application/problem+json': { schema: problemSchema } } },
    },
  }
  return createRoute(route as unknown as RouteConfig & { path: P }) as unknown as Secured<R>
}

/** Typed without the contents of answers, so that a handler may also answer with a problem. */
type Secured<R> = Pick<R, keyof R & ('path' | 'method' | 'request')> & {
  responses: { 200: { description: string } }
  middleware: MiddlewareHandler<App>[]
}

/** A group of routes. */
export function routes(): OpenAPIHono<App> {
  return new OpenAPIHono<App>({
    defaultHook: (result, c) => {
      if (result.success) return undefined
      // A path with an impossible id names nothing.
      if (result.target === 'param') return refuse(c, { code: 'not_found' })
      return refuse(c, { code: 'invalid_request', detail: faultsOf(result.error) })
    },
  })
}

/** There is a route that nobody said who may call. */
export class UndeclaredRoute extends Error {
  override name = 'UndeclaredRoute'
}

interface RouteList {
  readonly routes: readonly { readonly method: string; readonly path: string; readonly handler: object }[]
}

/** @throws UndeclaredRoute when the first handler of any route is not a guard; middleware of the whole app is none */
export function assertSecured({ routes }: RouteList): void {
  const isForAll = ({ method, path }: RouteList['routes'][number]) =>
    method === 'ALL' && (path === '*' || path === '/*')
  const own = routes.filter((route) => !isForAll(route))
  for (const [name, [first]] of Map.groupBy(own, ({ method, path }) => `${method} ${path}`)) {
    if (first === undefined || !guards.has(first.handler)) throw new UndeclaredRoute(name)
  }
}

function guardFor(access: Access): MiddlewareHandler<App> {
  if (access === 'service') return (c, next) => serviceOnly(c, next)
  if (typeof access === 'string') return (_, next) => next()
  return async (c, next) => {
    const person = await authenticate(c, access)
    if (!person.ok) return refuse(c, person.error)
    c.set('person', person.value)
    return next()
  }
}

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    money: z.enum(MONEY).openapi({
      description:
        'What this request did. What an earlier one with the same payments did stands, and only receipts and outcomes tell it',
    }),
    next: z.enum(['retry', 'resign', 'rebuild', 'stop']),
    server_time: z.int().optional(),
    detail: z.string().optional(),
  })
  .openapi('Problem')

type Scheme = Exclude<Access, readonly Role[] | 'public'> | 'people'
const SECURITY: Record<Scheme, Record<string, string[]>[]> = {
  people: [{ token: [] }, { access: [] }],
  service: [{ service: [] }],
  device: [{ device: [] }],
  device_or_admin: [{ device: [] }, { token: [] }, { access: [] }],
  scraper: [{ token: [] }],
}

/** The schemes that `security` names, for the document. */
export const SECURITY_SCHEMES = {
  token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  access: { type: 'apiKey', in: 'header', name: 'Cf-Access-Jwt-Assertion' },
  device: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: '`Molam-Device <base64url>`, a signature of the device; a push is signed itself',
  },
  service: { type: 'apiKey', in: 'header', name: 'Molam-Service' },
} as const

/** A JSON answer. */
export const json = (schema: z.ZodType, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})

/** A JSON request body. */
export const jsonBody = <T extends z.ZodType>(schema: T) => ({
  required: true as const,
  content: { 'application/json': { schema } },
})
