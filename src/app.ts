import { Hono } from 'hono'
import { InvalidConfig } from './config.ts'
import { KeysUnavailable } from './crypto/key-provider.ts'
import { logger } from './log.ts'
import { refuse } from './routes/answers.ts'
import type { App } from './routes/app-types.ts'
import { bundleRoutes } from './routes/bundles.ts'
import { deviceRoutes } from './routes/devices.ts'
import { healthRoutes } from './routes/health.ts'
import { internalRoutes } from './routes/internal.ts'
import { noticeRoutes } from './routes/notice.ts'
import { policyRoutes } from './routes/policies.ts'
import { pushRoutes } from './routes/push.ts'

/** Every route of the Worker, one file a group. */
export const app = new Hono<App>()

app.use(async (c, next) => {
  const requestId = crypto.randomUUID()
  c.set('requestId', requestId)
  await next()
  c.header('molam-request-id', requestId)
})

app
  .route('/', pushRoutes)
  .route('/', noticeRoutes)
  .route('/', deviceRoutes)
  .route('/', bundleRoutes)
  .route('/', policyRoutes)
  .route('/', internalRoutes)
  .route('/', healthRoutes)

app.notFound((c) => refuse(c, { code: 'not_found' }))

app.onError((error, c) => {
  logger.error('request failed', { requestId: c.get('requestId'), path: c.req.path, error })
  // Missing keys and overloaded or restarting objects pass; only what nobody expected is our fault.
  const { retryable = false, overloaded = false } = error as { retryable?: boolean; overloaded?: boolean }
  const passing = error instanceof KeysUnavailable || error instanceof InvalidConfig || retryable || overloaded
  return refuse(c, passing ? { code: 'temporarily_unavailable', retryAfterS: 5 } : { code: 'internal_error' })
})
