import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { configOf } from '../config.ts'
import type { App } from './app-types.ts'

/**
 * Lets POS web apps of the configured origins (`CORS_ORIGINS`) call what devices call, and nothing else: the routes of people
 * are for pages of this origin and for tools. Nothing rests on a cookie, so credentials are not allowed.
 */
const DEVICE_PATHS: ReadonlySet<string> = new Set([
  '/offline/push',
  '/offline/notice',
  '/offline/keys',
  '/offline/enrol',
])
/** A device that syncs every few minutes asks for permission once in two hours, the longest that a browser keeps it. */
const PREFLIGHT_KEPT_S = 7200

const shared = cors({
  origin: (origin, c) => (configOf(c.env).settings.CORS_ORIGINS.includes(origin) ? origin : null),
  allowMethods: ['GET', 'POST'],
  allowHeaders: [
    ...['Authorization', 'Content-Type'],
    ...[
      'Molam-Cursor',
      'Molam-Policy-Version',
      'Molam-Keys-Version',
      'Molam-Carrier',
      'Molam-Pass',
      'Molam-Denied-Version',
    ],
  ],
  exposeHeaders: ['Retry-After', 'RateLimit', 'RateLimit-Policy', 'Molam-Request-Id'],
  maxAge: PREFLIGHT_KEPT_S,
})

const isForDevices: MiddlewareHandler<App> = (c, next) => {
  const isCross = c.req.header('origin') !== undefined && DEVICE_PATHS.has(c.req.path)
  return isCross && configOf(c.env).settings.CORS_ORIGINS.length > 0 ? shared(c, next) : next()
}

/** Before the limit of an address, so that a page can read a refusal, too. */
export const corsHeaders: MiddlewareHandler<App> = (c, next) =>
  c.req.method === 'OPTIONS' ? next() : isForDevices(c, next)

/** After it: what a browser asks first is answered here, without a look at anything that is stored. */
export const corsPreflight: MiddlewareHandler<App> = (c, next) =>
  c.req.method === 'OPTIONS' ? isForDevices(c, next) : next()
