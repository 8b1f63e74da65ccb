import type { Context, Next } from 'hono'
import { readServiceClaim, SERVICE_HEADER, verifyServiceCall } from '../../crypto/hmac.ts'
import { CONFIRMATIONS_BYTES_MAX } from '../../protocol/confirmations.ts'
import { configOf } from '../config.ts'
import { readBody } from '../ingest/read-body.ts'
import { refuse } from './answers.ts'
import type { App } from './app-types.ts'

/**
 * Lets our own services pass: an HMAC over method, path, time and body. Nobody's body is read whose header cannot be
 * right. It is kept for the handler.
 */
export async function serviceOnly(c: Context<App>, next: Next): Promise<Response | undefined> {
  const claim = readServiceClaim(c.req.header(SERVICE_HEADER), Date.now())
  if (claim === undefined) return refuse(c, { code: 'unauthorized' })
  const body = await readBody(c.req.raw, CONFIRMATIONS_BYTES_MAX)
  if (!body.ok) return refuse(c, body.error)
  const { pathname, search } = new URL(c.req.url)
  const call = { method: c.req.method, path: pathname + search, body: body.value }
  const key = await configOf(c.env).serviceCallKey()
  if (!(await verifyServiceCall(key, call, claim))) return refuse(c, { code: 'unauthorized' })
  c.set('isVerified', true)
  c.set('body', body.value)
  await next()
  return undefined
}
