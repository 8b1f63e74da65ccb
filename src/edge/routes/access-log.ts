import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { toBase64url } from '../../protocol/bytes.ts'
import { logger } from '../log.ts'
import { counters, recordAnswer } from '../metrics/recorder.ts'
import { writeRow } from '../metrics/totals.ts'
import type { App } from './app-types.ts'

/**
 * Gives every request an id, and one line in the log once it is answered: the route's pattern and never the path, which
 * is the sender's text. Counts the answer; the counts are written after requests of somebody who was verified, so that
 * a flood of others writes nothing.
 */
export const accessLog: MiddlewareHandler<App> = async (c, next) => {
  const requestId = newRequestId()
  c.set('requestId', requestId)
  const startedMs = Date.now()
  await next()
  c.header('molam-request-id', requestId)
  const nowMs = Date.now()
  const [code, deviceId] = [c.get('problem'), c.get('deviceId')]
  const answered = { route: routeOf(c), method: c.req.method, status: c.res.status, code }
  logger.info('request', {
    requestId,
    ...answered,
    ms: nowMs - startedMs,
    ...(deviceId !== undefined && { deviceId }),
  })
  recordAnswer(answered)
  if (c.get('isVerified') && counters.isDue(nowMs)) {
    c.executionCtx.waitUntil(counters.flush((row) => writeRow(c.env.DB, row), nowMs))
  }
}

/** 96 bits. It stands in each bundle's row of the read model, where a UUID would take twice the room. */
const newRequestId = (): string => toBase64url(crypto.getRandomValues(new Uint8Array(12)))

/** The pattern of the handler that answered; `*` when there was none. */
const routeOf = (c: Context<App>): string => routePath(c, -1)
