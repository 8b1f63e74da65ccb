import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { equalBytes, utf8 } from '../../protocol/bytes.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { after } from '../auth/wiring.ts'
import { configOf } from '../config.ts'
import { deviceStub } from '../env.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { logger } from '../log.ts'
import { type Check, checkReadiness, joinReadiness, READINESS_FRESH_MS, type Readiness } from '../metrics/readiness.ts'
import { counters } from '../metrics/recorder.ts'
import { METRICS_MEDIA_TYPE, renderMetrics } from '../metrics/render.ts'
import { type CountrySummary, readMetrics, writeRow } from '../metrics/totals.ts'
import { askCountries } from '../store/countries.ts'
import { refuse } from './answers.ts'
import type { App } from './app-types.ts'
import { authenticate } from './auth.ts'
import { json, routes, secured } from './secured.ts'

const readinessSchema = z.strictObject({
  status: z.enum(['ok', 'not_ready']),
  checks: z.record(z.string(), z.enum(['ok', 'failed', 'timeout'])),
})

/**
 * - `GET /healthz`: the Worker runs and its settings parse. Asks no dependency.
 * - `GET /readyz`: everything that a push needs answers; 503 with the names of what does not.
 * - `GET /metrics`: Prometheus text, for auditors who see every tenant, and for a scraper with `METRICS_TOKEN`.
 */
export const healthRoutes = routes()
  .openapi(
    secured('public', {
      method: 'get',
      path: '/healthz',
      tags: ['health'],
      summary: 'The Worker runs and its settings parse',
      answers: { 200: json(z.strictObject({ status: z.literal('ok') }), 'It does') },
    }),
    (c) => {
      configOf(c.env)
      return c.json({ status: 'ok' })
    },
  )
  .openapi(
    secured('public', {
      method: 'get',
      path: '/readyz',
      tags: ['health'],
      summary: 'Everything that a push needs answers',
      answers: { 200: json(readinessSchema, 'It does'), 503: json(readinessSchema, 'Something does not') },
    }),
    async (c) => {
      const { ready, checks } = await readiness(c)
      const status = ready ? 'ok' : 'not_ready'
      return c.json({ status, checks }, ready ? 200 : 503, { 'cache-control': 'no-store' })
    },
  )
  .openapi(
    secured('scraper', {
      method: 'get',
      path: '/metrics',
      tags: ['health'],
      summary: 'Counters and gauges in the Prometheus text format',
      answers: { 200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } } },
    }),
    async (c) => {
      const allowed = await mayRead(c)
      if (!allowed.ok) return refuse(c, allowed.error)
      const nowMs = Date.now()
      // What this isolate has counted since its last write belongs to the answer.
      await counters.flush((row) => writeRow(c.env.DB, row), nowMs)
      const countries = await askCountries<CountrySummary>(c.env, undefined, (country) => country.summary())
      const text = renderMetrics(await readMetrics(c.env.DB, countries, nowMs))
      return c.body(text, 200, { 'content-type': METRICS_MEDIA_TYPE, 'cache-control': 'no-store' })
    },
  )

/** Held from the moment it begins, so that those who ask meanwhile join it. */
const held = new WeakMap<object, { readonly atMs: number; readonly found: Promise<Readiness> }>()

async function readiness(c: Context<App>): Promise<Readiness> {
  const nowMs = Date.now()
  const known = held.get(c.env)
  const checks = checksOf(c.env)
  if (known !== undefined && nowMs - known.atMs < READINESS_FRESH_MS) {
    return joinReadiness(known.found, Object.keys(checks), after)
  }
  const found = checkReadiness(checks, after, (check, error) =>
    logger.error('not ready', { requestId: c.get('requestId'), check, error }),
  )
  held.set(c.env, { atMs: nowMs, found })
  // Goes on for those who joined when whoever began it has gone.
  c.executionCtx.waitUntil(found)
  return found
}

/** No device is called this, so that its object stays empty: asking it reads only. */
const NO_DEVICE = '~readyz'

const checksOf = (env: App['Bindings']): Record<string, Check> => ({
  d1: () => env.DB.prepare('SELECT 1 FROM offline_policies LIMIT 1').first(),
  keys: async () => {
    const keys = await configOf(env).keys()
    await keys.receiptSigner()
    const active = (await keys.keySet()).keys.find(({ use, state }) => use === 'seal' && state === 'active')
    if (active === undefined || (await keys.recipient(active.kid)) === undefined) throw new Error('no active seal key')
  },
  settle_queue: () => env.SETTLE_QUEUE.metrics(),
  index_queue: () => env.INDEX_QUEUE.metrics(),
  devices: () => deviceStub(env, NO_DEVICE).identity(),
})

/** `/metrics` shows all tenants together, so somebody who may see one of them may not see it. */
async function mayRead(c: Context<App>): Promise<Result<void, Refusal>> {
  const { METRICS_TOKEN: expected } = configOf(c.env).settings
  const given = /^bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
  if (expected !== undefined && given !== undefined && (await sameSecret(given, expected))) {
    c.set('isVerified', true)
    return ok(undefined)
  }
  const person = await authenticate(c, ['pay_auditor'])
  if (!person.ok) return person
  return person.value.tenant === undefined ? ok(undefined) : err({ code: 'forbidden' })
}

/** Compares digests: where they begin to differ tells nothing about the secret, nor does their length. */
async function sameSecret(given: string, expected: string): Promise<boolean> {
  const digest = async (text: string) =>
    new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text) as BufferSource))
  const [a, b] = await Promise.all([digest(given), digest(expected)])
  return equalBytes(a, b)
}
