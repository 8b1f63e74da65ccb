import type { MiddlewareHandler } from 'hono'
import { readBody } from '../ingest/read-body.ts'
import { refuse } from './answers.ts'
import type { App } from './app-types.ts'
import { JSON_BYTES_MAX } from './read-json.ts'

/** Reads a bounded JSON body for the validators that follow, and keeps its bytes for the `Idempotency-Key`. */
export const readJsonBody: MiddlewareHandler<App> = async (c, next) => {
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') return refuse(c, { code: 'unsupported_media_type' })
  const body = await readBody(c.req.raw, JSON_BYTES_MAX)
  if (!body.ok) return refuse(c, body.error)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(body.value)
    JSON.parse(text)
    // Where Hono looks before it reads a body itself; it keeps promises there, whatever the type says.
    c.req.bodyCache.text = Promise.resolve(text) as unknown as string
  } catch {
    return refuse(c, { code: 'invalid_request', detail: 'not JSON' })
  }
  c.set('body', body.value)
  return next()
}
