import type { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { routePath } from 'hono/route'
import { KeysUnavailable } from '../crypto/key-provider.ts'
import { InvalidConfig } from './config.ts'
import { addressLimit } from './ingest/rate-limit.ts'
import { logger } from './log.ts'
import { accessLog } from './routes/access-log.ts'
import { allowanceRoutes } from './routes/allowances.ts'
import { refuse } from './routes/answers.ts'
import type { App } from './routes/app-types.ts'
import { auditRoutes } from './routes/audit.ts'
import { bundleRoutes } from './routes/bundles.ts'
import { claimRoutes } from './routes/claims.ts'
import { consentCodeRoutes } from './routes/consent-codes.ts'
import { consentRoutes } from './routes/consents.ts'
import { corsHeaders, corsPreflight } from './routes/cors.ts'
import { deviceKeyRoutes } from './routes/device-keys.ts'
import { deviceStatusRoutes } from './routes/device-status.ts'
import { deviceRoutes } from './routes/devices.ts'
import { documentRoutes } from './routes/documents.ts'
import { dryRunRoutes } from './routes/dry-run.ts'
import { enrolmentRoutes } from './routes/enrolment.ts'
import { evidenceRoutes } from './routes/evidence.ts'
import { healthRoutes } from './routes/health.ts'
import { internalRoutes } from './routes/internal.ts'
import { mandateRoutes } from './routes/mandates.ts'
import { methodsOf } from './routes/methods.ts'
import { noticeRoutes } from './routes/notice.ts'
import { ownConsentRoutes } from './routes/own-consent.ts'
import { policyRoutes } from './routes/policies.ts'
import { policyProposalRoutes } from './routes/policy-proposals.ts'
import { pushRoutes } from './routes/push.ts'
import { rebuildRoutes } from './routes/rebuild.ts'
import { receivedRoutes } from './routes/received.ts'
import { reconciliationRoutes } from './routes/reconciliation.ts'
import { reversalRoutes } from './routes/reversals.ts'
import { reviewRoutes } from './routes/reviews.ts'
import { assertSecured, routes } from './routes/secured.ts'
import { isRefusedByD1 } from './store/d1-error.ts'

/** Told by name: an error that comes out of a Device Object has lost its class. */
const PASSING: ReadonlySet<string> = new Set([KeysUnavailable.name, InvalidConfig.name])

/** What the runtime marks an error with that a Device Object did not throw itself: it was reset, or has too much to do. */
interface RuntimeMarks {
  readonly retryable?: boolean
  readonly overloaded?: boolean
  readonly durableObjectReset?: boolean
}

/**
 * Missing keys, overloaded, reset or restarting objects, and a read model that cannot be asked pass. D1 names itself in its
 * errors, and a lost connection says that it may be tried again; drizzle wraps both.
 */
function passes(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { retryable = false, overloaded = false, durableObjectReset = false } = error as Error & RuntimeMarks
  if (isRefusedByD1(error)) return false
  const isPassing = retryable || overloaded || durableObjectReset
  return isPassing || PASSING.has(error.name) || error.message.startsWith('D1_') || passes(error.cause)
}

/** Every route of the Worker, one file a group. */
export const app = routes()

app.use(accessLog)
app.use(corsHeaders)
// Before anything of the request is parsed.
app.use(async (c, next) => {
  const within = await addressLimit(c.req.raw.headers, c.env)
  if (!within.ok) return refuse(c, within.error)
  await next()
})
app.use(corsPreflight)

const groups: readonly Hono<App>[] = [
  pushRoutes,
  noticeRoutes,
  claimRoutes,
  mandateRoutes,
  allowanceRoutes,
  enrolmentRoutes,
  deviceRoutes,
  deviceStatusRoutes,
  deviceKeyRoutes,
  consentRoutes,
  ownConsentRoutes,
  consentCodeRoutes,
  evidenceRoutes,
  bundleRoutes,
  reviewRoutes,
  reversalRoutes,
  policyProposalRoutes,
  policyRoutes,
  dryRunRoutes,
  auditRoutes,
  reconciliationRoutes,
  internalRoutes,
  receivedRoutes,
  rebuildRoutes,
  healthRoutes,
  documentRoutes(() => app),
]
for (const group of groups) app.route('/', group)

// A route that nobody said who may call does not start.
assertSecured(app)
const methods = methodsOf(app)

app.notFound((c) => {
  const allowed = methods(c.req.path)
  if (allowed.length === 0) return refuse(c, { code: 'not_found' })
  c.header('allow', allowed.join(', '))
  return refuse(c, { code: 'method_not_allowed' })
})

app.onError((error, c) => {
  // Thrown by the validators of the framework, before any handler.
  if (error instanceof HTTPException && error.status < 500) {
    return refuse(c, { code: error.status === 415 ? 'unsupported_media_type' : 'invalid_request' })
  }
  logger.error('request failed', { requestId: c.get('requestId'), route: routePath(c, -1), error })
  return refuse(c, passes(error) ? { code: 'temporarily_unavailable', retryAfterS: 5 } : { code: 'internal_error' })
})
