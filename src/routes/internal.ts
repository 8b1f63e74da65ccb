import { Hono } from 'hono'
import { configOf } from '../config.ts'
import { SERVICE_HEADER, verifyServiceCall } from '../crypto/hmac.ts'
import { deviceStub } from '../env.ts'
import { readBody } from '../ingest/read-body.ts'
import { logger } from '../log.ts'
import { MalformedCbor } from '../protocol/cbor.ts'
import { CONFIRMATIONS_BYTES_MAX, type Confirmation, decodeConfirmations } from '../protocol/confirmations.ts'
import { refuse } from './answers.ts'
import type { App } from './app-types.ts'

/**
 * `POST /internal/outcomes`: the reconciler confirms what it holds and says what became of payments. Answers per device,
 * so that one object that cannot be reached does not keep the others' news.
 */
export const internalRoutes = new Hono<App>().post('/internal/outcomes', async (c) => {
  const body = await readBody(c.req.raw, CONFIRMATIONS_BYTES_MAX)
  if (!body.ok) return refuse(c, body.error)
  const { pathname, search } = new URL(c.req.url)
  const call = { method: c.req.method, path: pathname + search, body: body.value }
  const key = await configOf(c.env).hmacKey()
  if (!(await verifyServiceCall(key, call, c.req.header(SERVICE_HEADER), Date.now()))) {
    return refuse(c, { code: 'unauthorized' })
  }
  let confirmations: readonly Confirmation[]
  try {
    confirmations = decodeConfirmations(body.value)
  } catch (error) {
    if (error instanceof MalformedCbor) return refuse(c, { code: 'invalid_request', detail: error.message })
    throw error
  }
  const byDevice = Map.groupBy(confirmations, ({ deviceId }) => deviceId)
  const devices = await Promise.all(
    [...byDevice].map(async ([deviceId, own]) => {
      try {
        const known = await deviceStub(c.env, deviceId).confirm(own)
        return [deviceId, known ? 'confirmed' : 'unknown_device'] as const
      } catch (error) {
        logger.error('confirmation failed', { deviceId, requestId: c.get('requestId'), error })
        return [deviceId, 'retry'] as const
      }
    }),
  )
  return c.json({ devices: Object.fromEntries(devices) })
})
